package tensor

// ScaleChannels multiplies every channel (last dimension) of x by its factor in
// s [C]: the layer scale of CaiT and DINOv2 (Touvron et al. 2021, Eq. 3, arXiv
// 2103.17239). It panics if s is of another shape.
func (tp *Tape) ScaleChannels(x, s *Tensor) *Tensor {
	rows, c := x.rows()
	s.mustShape("ScaleChannels: the factors", c)
	y := tp.result([]*Tensor{x, s}, x.shape...)
	scaled := func(dst, src []float32) {
		tp.e.chunks(rows, rowChunk(c), func(lo, hi int) {
			for at := lo * c; at < hi*c; at += c {
				for i, f := range s.data {
					dst[at+i] = src[at+i] * f
				}
			}
		})
	}
	scaled(y.data, x.data)
	tp.record(y, func() {
		if s.needs {
			product := tp.e.arena.Get(rows * c)
			for i, v := range y.grad.data {
				product[i] = v * x.data[i]
			}
			tp.biasGrad(s, &Tensor{shape: []int{rows, c}, data: product})
			tp.e.arena.Put(product)
		}
		tp.addGradFrom(x, func(dst []float32) { scaled(dst, y.grad.data) })
	})
	return y
}
