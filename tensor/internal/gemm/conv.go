package gemm

// ConvShape is the shape of a convolution of N images of H x W pixels with C
// channels by K filters of KH x KW.
type ConvShape struct {
	N, H, W, C, KH, KW, K        int
	StrideH, StrideW, PadH, PadW int
}

// OH returns the height of the output.
func (s ConvShape) OH() int { return outSize(s.H, s.KH, s.StrideH, s.PadH) }

// OW returns the width of the output.
func (s ConvShape) OW() int { return outSize(s.W, s.KW, s.StrideW, s.PadW) }

func outSize(in, kernel, stride, pad int) int {
	if in+2*pad < kernel {
		return 0
	}
	return (in+2*pad-kernel)/stride + 1
}

// each calls f for every product of the convolution's sum with the offsets of
// the input, the weight and the output, for channel c = 0 and filter k = 0.
func (s ConvShape) each(f func(x, w, y int)) {
	oh, ow := s.OH(), s.OW()
	for n := range s.N {
		for i := range oh {
			for j := range ow {
				for a := range s.KH {
					for b := range s.KW {
						h, w := i*s.StrideH-s.PadH+a, j*s.StrideW-s.PadW+b
						if h >= 0 && h < s.H && w >= 0 && w < s.W {
							f(((n*s.H+h)*s.W+w)*s.C, (a*s.KW+b)*s.C*s.K, ((n*oh+i)*ow+j)*s.K)
						}
					}
				}
			}
		}
	}
}

// ConvForward sets y [N,OH,OW,K] to the convolution of x [N,H,W,C] with the
// weights w [KH,KW,C,K], plus bias [K] unless it is nil.
func (r *Runner) ConvForward(y, x, w, bias []float32, s ConvShape) {
	y = y[:s.N*s.OH()*s.OW()*s.K]
	for i := range y {
		y[i] = 0
		if bias != nil {
			y[i] = bias[i%s.K]
		}
	}
	s.each(func(xi, wi, yi int) {
		for c := range s.C {
			for k := range s.K {
				y[yi+k] += x[xi+c] * w[wi+c*s.K+k]
			}
		}
	})
}

// ConvBackwardData sets dx [N,H,W,C], or adds to it, the gradient of the input
// given that of the output, dy [N,OH,OW,K].
func (r *Runner) ConvBackwardData(dx, dy, w []float32, s ConvShape, accumulate bool) {
	if !accumulate {
		clear(dx[:s.N*s.H*s.W*s.C])
	}
	s.each(func(xi, wi, yi int) {
		for c := range s.C {
			for k := range s.K {
				dx[xi+c] += dy[yi+k] * w[wi+c*s.K+k]
			}
		}
	})
}

// ConvBackwardWeights sets dw [KH,KW,C,K], or adds to it, the gradient of the
// weights given that of the output, dy [N,OH,OW,K].
func (r *Runner) ConvBackwardWeights(dw, dy, x []float32, s ConvShape, accumulate bool) {
	if !accumulate {
		clear(dw[:s.KH*s.KW*s.C*s.K])
	}
	s.each(func(xi, wi, yi int) {
		for c := range s.C {
			for k := range s.K {
				dw[wi+c*s.K+k] += dy[yi+k] * x[xi+c]
			}
		}
	})
}
