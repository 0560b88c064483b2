package tensor

import "fmt"

// checkTokenIndex panics unless idx has one list for each of n samples, all of
// the same length, of indices in [0,t). It returns the length.
func checkTokenIndex(op string, idx [][]int, n, t int) int {
	if len(idx) != n {
		panic(fmt.Sprintf("tensor: %s: %d lists of indices for %d samples", op, len(idx), n))
	}
	if n == 0 {
		return 0
	}
	k := len(idx[0])
	for i, list := range idx {
		if len(list) != k {
			panic(fmt.Sprintf("tensor: %s: sample 0 has %d indices, sample %d has %d", op, k, i, len(list)))
		}
		for _, j := range list {
			if j < 0 || j >= t {
				panic(fmt.Sprintf("tensor: %s: index %d of sample %d is not among %d tokens", op, j, i, t))
			}
		}
	}
	return k
}

// GatherTokens returns from sample n of x [N,T,C] the tokens idx[n], in that
// order: shape [N,t,C], where every list has t indices; an index may come more
// than once. It is how a masked autoencoder (He et al. 2022) picks the visible
// patches. idx must not change before Backward.
func (tp *Tape) GatherTokens(x *Tensor, idx [][]int) *Tensor {
	n, t, c := x.tokens("GatherTokens")
	k := checkTokenIndex("GatherTokens", idx, n, t)
	y := tp.result([]*Tensor{x}, n, k, c)
	tp.e.samples(n, k*c, func(i int) {
		for o, s := range idx[i] {
			copy(y.data[(i*k+o)*c:][:c], x.data[(i*t+s)*c:])
		}
	})
	tp.record(y, func() {
		g, holds := tp.gradOf(x)
		tp.e.samples(n, t*c, func(i int) {
			if !holds {
				clear(g[i*t*c : (i+1)*t*c])
			}
			for o, s := range idx[i] {
				tp.e.k.Acc(g[(i*t+s)*c:][:c], y.grad.data[(i*k+o)*c:][:c])
			}
		})
	})
	return y
}

// ScatterTokens is the way back of GatherTokens: it puts the tokens of x [N,t,C]
// at the places idx[n] of sequences of T tokens and maskToken [C] everywhere
// else: shape [N,T,C], the input of a masked autoencoder's decoder. The indices
// of a sample must differ. idx must not change before Backward.
func (tp *Tape) ScatterTokens(x *Tensor, idx [][]int, maskToken *Tensor, T int) *Tensor {
	n, k, c := x.tokens("ScatterTokens")
	maskToken.mustShape("ScatterTokens: the mask token", c)
	if got := checkTokenIndex("ScatterTokens", idx, n, T); n > 0 && got != k {
		panic(fmt.Sprintf("tensor: ScatterTokens of shape %v with %d indices a sample", x.shape, got))
	}
	y := tp.result([]*Tensor{x, maskToken}, n, T, c)
	taken := bytesOf(tp.scratch((n*T + 3) / 4))[:n*T] // places that have a token of x
	clear(taken)
	for i, list := range idx {
		for _, s := range list {
			if taken[i*T+s] != 0 {
				panic(fmt.Sprintf("tensor: ScatterTokens: index %d comes twice in sample %d", s, i))
			}
			taken[i*T+s] = 1
		}
	}
	tp.e.samples(n, T*c, func(i int) {
		for s := range T {
			if taken[i*T+s] == 0 {
				copy(y.data[(i*T+s)*c:][:c], maskToken.data)
			}
		}
		for o, s := range idx[i] {
			copy(y.data[(i*T+s)*c:][:c], x.data[(i*k+o)*c:])
		}
	})
	tp.record(y, func() {
		dy := y.grad.data
		if x.needs {
			g, holds := tp.gradOf(x)
			tp.e.samples(n, k*c, func(i int) {
				for o, s := range idx[i] {
					tp.e.give(g[(i*k+o)*c:][:c], dy[(i*T+s)*c:][:c], holds)
				}
			})
		}
		if maskToken.needs {
			sums := tp.e.arena.Get(n * c) // by sample, which are then added in order
			tp.e.samples(n, T*c, func(i int) {
				sum := sums[i*c : (i+1)*c]
				clear(sum)
				for s := range T {
					if taken[i*T+s] == 0 {
						tp.e.k.Acc(sum, dy[(i*T+s)*c:][:c])
					}
				}
			})
			tp.biasGrad(maskToken, &Tensor{shape: []int{n, c}, data: sums})
			tp.e.arena.Put(sums)
		}
	})
	return y
}
