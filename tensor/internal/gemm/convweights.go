package gemm

type weightsJob struct{}

func (r *Runner) convWeights(task, worker int) {}
func (r *Runner) sumParts(task, worker int)    {}

// ConvBackwardWeights sets dw [KH,KW,C,K], or adds to it, the gradient of the
// weights given that of the output, dy [N,OH,OW,K].
func (r *Runner) ConvBackwardWeights(dw, dy, x []float32, s ConvShape, accumulate bool) {
	if !accumulate {
		clear(dw[:s.KH*s.KW*s.C*s.K])
	}
	for n := range s.N {
		for i := range s.OH() {
			for j := range s.OW() {
				for a := range s.KH {
					for b := range s.KW {
						h, w := i*s.StrideH-s.PadH+a, j*s.StrideW-s.PadW+b
						if h < 0 || h >= s.H || w < 0 || w >= s.W {
							continue
						}
						xi, wi, yi := ((n*s.H+h)*s.W+w)*s.C, (a*s.KW+b)*s.C*s.K, ((n*s.OH()+i)*s.OW()+j)*s.K
						for c := range s.C {
							for k := range s.K {
								dw[wi+c*s.K+k] += dy[yi+k] * x[xi+c]
							}
						}
					}
				}
			}
		}
	}
}
