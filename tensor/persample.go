package tensor

import (
	"fmt"
	"math"
)

// bySample is what a tape keeps of the gradients of parameters by sample.
type bySample struct {
	n       int
	squares []float64 // of each sample's gradient, all parameters together
	later   []func(weights []float64)
	seen    map[*Tensor]bool // parameters
}

// PerSample prepares the tape for differentially private training: its Backward
// leaves the gradients of parameters as they are and notes, of each of the n samples
// that everything on the tape has along its first dimension, the norm of its part of
// the gradient (SampleNorms). AddSampleGrads then adds these parts, each weighted, in
// one product a layer. The gradients of all samples are kept of biases, norms and
// tokens only, which are small; of weights there is no more than one sample's of one
// layer at a time, and often not even that: see linearBySample.
//
// Backward panics where a parameter is in an operation that does not know samples
// apart, such as batch norm, or in two: norms do not add up there. Until AddSampleGrads
// the tape holds the inputs of layers and the gradients of their outputs.
func (tp *Tape) PerSample(n int) {
	tp.samplesOf = &bySample{n: n, squares: make([]float64, n), seen: map[*Tensor]bool{}}
}

// SampleNorms returns, after Backward, the Euclidean norm of the gradient of each
// sample, all parameters together. The loss being a mean, it is that of the sample's
// share of it.
func (tp *Tape) SampleNorms() []float64 {
	norms := make([]float64, tp.samplesOf.n)
	for i, s := range tp.samplesOf.squares {
		norms[i] = math.Sqrt(max(s, 0)) // NaN stays NaN
	}
	return norms
}

// AddSampleGrads adds to the gradients of parameters, after Backward, the sum of the
// samples' gradients times weights.
func (tp *Tape) AddSampleGrads(weights []float64) {
	s := tp.samplesOf
	if len(weights) != s.n {
		panic(fmt.Sprintf("tensor: AddSampleGrads: %d weights for %d samples", len(weights), s.n))
	}
	tp.samplesOf = nil
	for _, add := range s.later {
		add(weights)
	}
}

// sampled returns the parameter that t is, maybe under another shape, if the tape
// keeps its gradient by sample; nil otherwise.
func (tp *Tape) sampled(t *Tensor) *Tensor {
	if tp.samplesOf == nil || t == nil || !t.needs {
		return nil
	}
	if t.base != nil {
		t = t.base
	}
	if t.tape != nil {
		return nil
	}
	return t
}

// once panics if the parameter comes a second time.
func (s *bySample) once(p *Tensor) {
	if s.seen[p] {
		panic(fmt.Sprintf("tensor: PerSample: a parameter of shape %v is in two operations, whose norms do not add up",
			p.shape))
	}
	s.seen[p] = true
}

// rowsBySample is the number of rows that each sample has.
func (tp *Tape) rowsBySample(rows int) int {
	n := tp.samplesOf.n
	if rows%n != 0 {
		panic(fmt.Sprintf("tensor: %d rows are not those of %d samples", rows, n))
	}
	return rows / n
}

// rowsSampled notes the gradients of a small parameter: that of sample i is what
// begins at part[i*stride].
func (tp *Tape) rowsSampled(p *Tensor, part []float32, stride int) {
	s, e, c := tp.samplesOf, tp.e, len(p.data)
	s.once(p)
	own := tp.scratch(s.n * c)
	e.samples(s.n, c, func(i int) {
		g := own[i*c : (i+1)*c]
		copy(g, part[i*stride:])
		s.squares[i] += e.k.Dot(g, g)
	})
	s.later = append(s.later, func(weights []float64) {
		g, _ := tp.gradOf(p)
		const width = 128
		e.chunks(c, width, func(lo, hi int) {
			var sum [width]float64
			for i, w := range weights {
				for j, v := range own[i*c+lo : i*c+hi] {
					sum[j] += w * float64(v)
				}
			}
			for j := range hi - lo {
				g[lo+j] += float32(sum[j])
			}
		})
	})
}

// biasBySample is biasGrad by sample.
func (tp *Tape) biasBySample(b, dy *Tensor) {
	rows, c := dy.rows()
	t := tp.rowsBySample(rows)
	part := dy.data
	if t > 1 {
		part = tp.e.arena.Get(tp.samplesOf.n * c)
		defer tp.e.arena.Put(part)
		tp.e.samples(tp.samplesOf.n, t*c, func(i int) {
			sum := part[i*c : (i+1)*c]
			clear(sum)
			tp.e.k.ColSum(sum, dy.data[i*t*c:(i+1)*t*c], t)
		})
	}
	tp.rowsSampled(b, part, c)
}
