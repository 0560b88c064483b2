package tensor

import "fmt"

// Sequences of tokens are [N,T,C]: T vectors of C numbers for each of N samples.

// tokens returns the dimensions of a sequence.
func (t *Tensor) tokens(what string) (n, tokens, c int) {
	t.mustRank(what, 3)
	return t.shape[0], t.shape[1], t.shape[2]
}

// samples calls f for each of n samples of size floats, in parallel.
func (e *Engine) samples(n, size int, f func(i int)) {
	e.chunks(n, rowChunk(size), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i)
		}
	})
}

// AddTokens returns x [N,T,C] plus pos [T,C], the embedding of the positions, in
// every sample.
func (tp *Tape) AddTokens(x, pos *Tensor) *Tensor {
	n, t, c := x.tokens("AddTokens: the input")
	pos.mustShape("AddTokens: the positions", t, c)
	y := tp.result([]*Tensor{x, pos}, n, t, c)
	tp.e.samples(n, t*c, func(i int) {
		tp.e.k.Add(y.data[i*t*c:(i+1)*t*c], x.data[i*t*c:(i+1)*t*c], pos.data)
	})
	tp.record(y, func() {
		tp.biasGrad(pos, &Tensor{shape: []int{n, t * c}, data: y.grad.data})
		tp.passGrad(x, y)
	})
	return y
}

// PrependToken returns x [N,T,C] with token [C] before the first token of every
// sample, as the class token of vision transformers: shape [N,T+1,C].
func (tp *Tape) PrependToken(x, token *Tensor) *Tensor {
	n, t, c := x.tokens("PrependToken: the input")
	token.mustShape("PrependToken: the token", c)
	y := tp.result([]*Tensor{x, token}, n, t+1, c)
	in, out := t*c, (t+1)*c
	tp.e.samples(n, out, func(i int) {
		copy(y.data[i*out:], token.data)
		copy(y.data[i*out+c:][:in], x.data[i*in:])
	})
	tp.record(y, func() {
		dy := y.grad.data
		if token.needs {
			first := tp.e.arena.Get(n * c)
			for i := range n {
				copy(first[i*c:(i+1)*c], dy[i*out:])
			}
			tp.biasGrad(token, &Tensor{shape: []int{n, c}, data: first})
			tp.e.arena.Put(first)
		}
		if x.needs {
			g, holds := tp.gradOf(x)
			tp.e.samples(n, in, func(i int) { tp.e.give(g[i*in:][:in], dy[i*out+c:][:in], holds) })
		}
	})
	return y
}

// give adds src to dst, or sets dst to it where it holds nothing yet.
func (e *Engine) give(dst, src []float32, holds bool) {
	if holds {
		e.k.Acc(dst, src)
	} else {
		copy(dst, src)
	}
}

// TakeToken returns token i of every sample of x [N,T,C]: shape [N,C].
func (tp *Tape) TakeToken(x *Tensor, i int) *Tensor {
	n, t, c := x.tokens("TakeToken")
	if i < 0 || i >= t {
		panic(fmt.Sprintf("tensor: TakeToken %d of shape %v", i, x.shape))
	}
	y := tp.result([]*Tensor{x}, n, c)
	for s := range n {
		copy(y.data[s*c:(s+1)*c], x.data[(s*t+i)*c:])
	}
	tp.record(y, func() {
		g, holds := tp.gradOf(x)
		tp.e.samples(n, t*c, func(s int) {
			if !holds {
				clear(g[s*t*c : (s+1)*t*c])
			}
			tp.e.give(g[(s*t+i)*c:][:c], y.grad.data[s*c:(s+1)*c], holds)
		})
	})
	return y
}

// MeanTokens returns the mean over the tokens of x [N,T,C] from number from on:
// shape [N,C]. It panics if there are none.
func (tp *Tape) MeanTokens(x *Tensor, from int) *Tensor {
	n, t, c := x.tokens("MeanTokens")
	if from < 0 || from >= t {
		panic(fmt.Sprintf("tensor: MeanTokens from token %d of shape %v", from, x.shape))
	}
	y := tp.result([]*Tensor{x}, n, c)
	inv := 1 / float32(t-from)
	tp.e.samples(n, t*c, func(i int) {
		mean := y.data[i*c : (i+1)*c]
		clear(mean)
		tp.e.k.ColSum(mean, x.data[(i*t+from)*c:(i+1)*t*c], t-from)
		tp.e.k.Scale(mean, mean, inv)
	})
	tp.record(y, func() {
		g, holds := tp.gradOf(x)
		tp.e.samples(n, t*c, func(i int) {
			if !holds {
				clear(g[i*t*c : (i+1)*t*c])
			}
			for s := from; s < t; s++ {
				tp.e.k.Axpy(g[(i*t+s)*c:][:c], y.grad.data[i*c:(i+1)*c], inv)
			}
		})
	})
	return y
}

// Patchify cuts x [N,H,W,C] into patches of p x p pixels: [N,(H/p)(W/p),p*p*C].
// Patches come row by row, and in each of them its pixels row by row with their
// channels side by side. So Linear of the patches is a convolution of x with
// stride p, whose weight [p,p,C,O] is that of Linear [O,p*p*C] transposed. It
// panics if p does not divide H and W.
func (tp *Tape) Patchify(x *Tensor, p int) *Tensor {
	x.mustRank("Patchify", 4)
	n, h, w, c := x.shape[0], x.shape[1], x.shape[2], x.shape[3]
	if p < 1 || h%p != 0 || w%p != 0 {
		panic(fmt.Sprintf("tensor: Patchify of shape %v with patches of %d", x.shape, p))
	}
	nh, nw, size := h/p, w/p, p*p*c
	y := tp.result([]*Tensor{x}, n, nh*nw, size)
	// lines calls f for each line of pixels and where its first piece is in y.
	lines := func(f func(line, first int)) {
		tp.e.samples(n*nh, w*p*c, func(i int) {
			for a := range p {
				f((i*p+a)*w*c, i*nw*size+a*p*c)
			}
		})
	}
	if len(y.data) == 0 {
		return y
	}
	lines(func(line, first int) { tp.e.k.Copy(y.data[first:], size, x.data[line:], p*c, nw, p*c) })
	tp.record(y, func() {
		tp.addGradFrom(x, func(dx []float32) {
			lines(func(line, first int) { tp.e.k.Copy(dx[line:], p*c, y.grad.data[first:], size, nw, p*c) })
		})
	})
	return y
}

// DropPath multiplies sample n (along the first dimension) by keep[n]: 0 where a
// residual branch is dropped and 1/(1-rate) where it is not (Huang et al. 2016,
// as timm scales it). keep must not change before Backward.
func (tp *Tape) DropPath(x *Tensor, keep []float32) *Tensor {
	if x.Rank() == 0 || len(keep) != x.shape[0] {
		panic(fmt.Sprintf("tensor: DropPath of shape %v with %d factors", x.shape, len(keep)))
	}
	y := tp.result([]*Tensor{x}, x.shape...)
	size := len(x.data) / max(1, len(keep))
	scale := func(dst, src []float32) {
		tp.e.samples(len(keep), size, func(i int) {
			tp.e.k.Scale(dst[i*size:(i+1)*size], src[i*size:(i+1)*size], keep[i])
		})
	}
	scale(y.data, x.data)
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) { scale(dst, y.grad.data) })
	})
	return y
}
