package bench

import (
	"fmt"
	"time"

	"github.com/locimem/locimem/tensor"
)

// AttentionOptions describes the two halves of a vision transformer's block
// (pre-norm, as in ViT-Ti for the defaults of the command).
type AttentionOptions struct {
	Tokens, Batch int
	Dim, Heads    int // Dim is divided by Heads; the MLP has 4 Dim hidden units
	Engine        tensor.Options
	Reps          int // timed repetitions, after a tenth as many (at least 2) untimed ones
}

// AttentionResult is the speed of attention alone (queries, keys and values are
// there), of the attention block x + proj(attention(qkv(norm(x)))) and of the
// MLP block x + fc2(GELU(fc1(norm(x)))), forward and backward apart; times are
// medians. Backward computes the gradients of the input and of all parameters.
type AttentionResult struct {
	Tokens  int    `json:"tokens"`
	Batch   int    `json:"batch"`
	Dim     int    `json:"dim"`
	Heads   int    `json:"heads"`
	Threads int    `json:"threads"`
	ISA     string `json:"isa"`
	Reps    int    `json:"reps"`

	CoreForward   float64 `json:"core_forward_ms"`
	CoreBackward  float64 `json:"core_backward_ms"`
	BlockForward  float64 `json:"block_forward_ms"`
	BlockBackward float64 `json:"block_backward_ms"`
	MLPForward    float64 `json:"mlp_forward_ms"`
	MLPBackward   float64 `json:"mlp_backward_ms"`

	// Of the products of attention alone: two forward, five backward.
	CoreForwardGFLOPS  float64 `json:"core_forward_gflops"`
	CoreBackwardGFLOPS float64 `json:"core_backward_gflops"`
	PeakRSS            int64   `json:"peak_rss_bytes"` // of the whole process; 0 where unknown
}

// Attention times the two halves of a transformer block in float32.
func Attention(o AttentionOptions) (*AttentionResult, error) {
	for name, v := range map[string]int{"tokens": o.Tokens, "batch": o.Batch, "dim": o.Dim, "heads": o.Heads,
		"reps": o.Reps} {
		if v < 1 || v > 1<<16 {
			return nil, fmt.Errorf("%s: want 1 to %d, found %d", name, 1<<16, v)
		}
	}
	if o.Dim%o.Heads != 0 {
		return nil, fmt.Errorf("heads: want a divisor of dim %d, found %d", o.Dim, o.Heads)
	}
	e, err := tensor.NewEngine(o.Engine)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	r := &AttentionResult{Tokens: o.Tokens, Batch: o.Batch, Dim: o.Dim, Heads: o.Heads, Threads: e.Threads(),
		ISA: e.ISA(), Reps: o.Reps}
	input := func(width int) *tensor.Tensor {
		return tensor.FromSlice(random(o.Batch*o.Tokens, width).Data(), o.Batch, o.Tokens, width).RequireGrad()
	}
	b := newHalves(o.Dim)
	qkv, x := input(3*o.Dim), input(o.Dim)
	r.CoreForward, r.CoreBackward = bothWays(e, o.Reps,
		func(tp *tensor.Tape) *tensor.Tensor { return tp.Attention(qkv, o.Heads) })
	r.BlockForward, r.BlockBackward = bothWays(e, o.Reps,
		func(tp *tensor.Tape) *tensor.Tensor { return b.attention(tp, x, o.Heads) })
	r.MLPForward, r.MLPBackward = bothWays(e, o.Reps, func(tp *tensor.Tape) *tensor.Tensor { return b.mlp(tp, x) })
	flop := 2 * float64(o.Batch) * float64(o.Tokens) * float64(o.Tokens) * float64(o.Dim) // of one product
	r.CoreForwardGFLOPS, r.CoreBackwardGFLOPS = 2*flop/r.CoreForward/1e6, 5*flop/r.CoreBackward/1e6
	r.PeakRSS = peakRSS()
	return r, nil
}

// halves are the parameters of a block.
type halves struct {
	gamma, beta                  *tensor.Tensor
	qkv, qkvBias, proj, projBias *tensor.Tensor
	fc1, fc1Bias, fc2, fc2Bias   *tensor.Tensor
}

func newHalves(dim int) *halves {
	weight := func(out, in int) *tensor.Tensor {
		w := random(out, in)
		for i := range w.Data() {
			w.Data()[i] /= 8
		}
		return w.RequireGrad()
	}
	bias := func(n int) *tensor.Tensor { return tensor.FromSlice(random(1, n).Data(), n).RequireGrad() }
	return &halves{
		gamma: bias(dim), beta: bias(dim),
		qkv: weight(3*dim, dim), qkvBias: bias(3 * dim), proj: weight(dim, dim), projBias: bias(dim),
		fc1: weight(4*dim, dim), fc1Bias: bias(4 * dim), fc2: weight(dim, 4*dim), fc2Bias: bias(dim),
	}
}

func (b *halves) attention(tp *tensor.Tape, x *tensor.Tensor, heads int) *tensor.Tensor {
	h := tp.LayerNorm(x, b.gamma, b.beta, 1e-6)
	h = tp.Attention(tp.Linear(h, b.qkv, b.qkvBias), heads)
	return tp.Add(x, tp.Linear(h, b.proj, b.projBias))
}

func (b *halves) mlp(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	h := tp.LayerNorm(x, b.gamma, b.beta, 1e-6)
	h = tp.GELU(tp.Linear(h, b.fc1, b.fc1Bias))
	return tp.Add(x, tp.Linear(h, b.fc2, b.fc2Bias))
}

// bothWays returns the median milliseconds of f and of its way back from the sum
// of what it returns. The sum, one pass over the result, counts as backward.
func bothWays(e *tensor.Engine, reps int, f func(tp *tensor.Tape) *tensor.Tensor) (forward, backward float64) {
	tp := e.NewTape(tensor.Training)
	var there, back []float64
	repeat(reps, func() {
		began := time.Now()
		y := f(tp)
		turned := time.Now()
		tp.Backward(tp.Sum(y))
		back = append(back, time.Since(turned).Seconds())
		there = append(there, turned.Sub(began).Seconds())
		tp.Release()
	})
	// The untimed repetitions came first.
	return 1e3 * median(there[len(there)-reps:]), 1e3 * median(back[len(back)-reps:])
}
