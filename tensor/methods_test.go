package tensor

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

func TestGradientsOfMethodOps(t *testing.T) {
	r := rng.New(41, "methods")
	e := testEngine(t, 2)
	type tensors = []*Tensor
	targets := randn(r, 3, 6)
	for i := range 3 {
		sum := float32(0)
		for j := range 6 {
			v := &targets.data[i*6+j]
			*v *= *v
			sum += *v
		}
		for j := range 6 {
			targets.data[i*6+j] /= sum
		}
	}
	targets.needs = false
	spd := func(tp *Tape, x *Tensor) *Tensor { return tp.MatMul(x, x, true, false) }
	for _, c := range []struct {
		name string
		op   func(tp *Tape, in []*Tensor) *Tensor
		in   tensors
	}{
		{"RowDots", func(tp *Tape, in []*Tensor) *Tensor { return tp.RowDots(in[0], in[1]) }, tensors{randn(r, 4, 5),
			randn(r, 4, 5)}},
		{"RowDots with itself", func(tp *Tape, in []*Tensor) *Tensor { return tp.RowDots(in[0], in[0]) },
			tensors{randn(r, 4, 5)}},
		{"SquaredDistance", func(tp *Tape, in []*Tensor) *Tensor { return tp.SquaredDistance(in[0], in[1]) },
			tensors{randn(r, 4, 5), randn(r, 4, 5)}},
		{"ConcatColumns", func(tp *Tape, in []*Tensor) *Tensor { return tp.ConcatColumns(in[0], in[1]) },
			tensors{randn(r, 3, 1), randn(r, 3, 4)}},
		{"Center", func(tp *Tape, in []*Tensor) *Tensor { return tp.Center(in[0]) }, tensors{randn(r, 5, 3)}},
		{"DiagonalSquares", func(tp *Tape, in []*Tensor) *Tensor { return tp.DiagonalSquares(in[0], 1, 2, .3) },
			tensors{randn(r, 4, 4)}},
		{"StdHinge", func(tp *Tape, in []*Tensor) *Tensor { return tp.StdHinge(spd(tp, in[0]), 3, 1e-4) },
			tensors{randn(r, 4, 5)}},
		{"SoftCrossEntropy", func(tp *Tape, in []*Tensor) *Tensor { return tp.SoftCrossEntropy(in[0], targets) },
			tensors{randn(r, 3, 6)}},
		{"Detach", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.RowDots(in[0], tp.Detach(in[1]))
		}, tensors{randn(r, 3, 6), randn(r, 3, 6)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "Detach" {
				c.in[1].needs = false // differences would see it
			}
			gradCheck(t, e, Training, c.op, c.in...)
		})
	}
}

// No gradient comes through Detach, and the value stays for who reads it on the
// way back.
func TestDetach(t *testing.T) {
	r := rng.New(42, "detach")
	e := testEngine(t, 2)
	x := randn(r, 3, 4)
	tp := e.NewTape(Training)
	y := tp.Scale(x, 2)
	tp.Backward(tp.Sum(tp.RowDots(y, tp.Detach(y))))
	for i, g := range x.grad.data {
		assert.InDelta(t, 4*x.data[i], g, 1e-5) // 2y, not 4y: half of the square's
	}
	tp.Release()
}

// Long rows go through the columns in several pieces.
func TestSoftmaxOfLongRows(t *testing.T) {
	r := rng.New(43, "softmax")
	e := testEngine(t, 3)
	const n, k = 3, 2500
	x, centre := randn(r, n, k), randn(r, k)
	x.data[7] = 90 // an exponential that overflows without care
	tp := e.NewTape(Training)
	p := tp.SharpSoftmax(x, centre, .1)
	logits := randn(r, n, k)
	loss := tp.SoftCrossEntropy(logits, p)
	want := 0.0
	for i := range n {
		softmax := func(f func(j int) float64) []float64 {
			top, sum := math.Inf(-1), 0.0
			for j := range k {
				top = max(top, f(j))
			}
			out := make([]float64, k)
			for j := range k {
				out[j] = math.Exp(f(j) - top)
				sum += out[j]
			}
			for j := range out {
				out[j] /= sum
			}
			return out
		}
		teacher := softmax(func(j int) float64 { return (float64(x.data[i*k+j]) - float64(centre.data[j])) / .1 })
		student := softmax(func(j int) float64 { return float64(logits.data[i*k+j]) })
		for j := range k {
			require.InDelta(t, teacher[j], float64(p.data[i*k+j]), 1e-5)
			want -= teacher[j] * math.Log(student[j]) / n
		}
	}
	assert.InEpsilon(t, want, float64(loss.Item()), 1e-5)
}

// An average stays where it has met its tensor, and moves by the formula.
func TestAverage(t *testing.T) {
	r := rng.New(44, "average")
	for _, threads := range []int{1, 3} {
		e := testEngine(t, threads)
		var avg, of []*Tensor
		for _, n := range []int{1, 0, sweep + 3, 5} {
			avg, of = append(avg, randn(r, n)), append(of, randn(r, n))
		}
		copy(avg[3].data, of[3].data)
		a := NewAverages(avg, of)
		before := slices.Clone(avg[2].data)
		for range 1000 {
			e.Average(a, .996)
		}
		for i, v := range avg[3].data {
			assert.InEpsilon(t, of[3].data[i], v, 3e-6)
		}
		decay := math.Pow(.996, 1000)
		for i, v := range avg[2].data {
			want := decay*float64(before[i]) + (1-decay)*float64(of[2].data[i])
			require.InDelta(t, want, float64(v), 1e-4) // of rounding, a thousand times
		}
		e.Average(a, 1)
		e.Average(a, 0)
		assert.Equal(t, of[2].data, avg[2].data)
	}
	assert.Panics(t, func() { NewAverages([]*Tensor{New(2)}, []*Tensor{New(3)}) })
	assert.Panics(t, func() { NewAverages(nil, []*Tensor{New(3)}) })
}

func TestPushRows(t *testing.T) {
	ring := New(5, 2)
	at := 0
	for i := range 4 { // 3 rows each time, over the end
		rows := New(3, 2)
		for j := range rows.data {
			rows.data[j] = float32(10*i + j/2)
		}
		at = PushRows(ring, rows, at)
	}
	assert.Equal(t, 2, at)
	assert.Equal(t, []float32{31, 31, 32, 32, 21, 21, 22, 22, 30, 30}, append(ring.data[:0:0], ring.data...))
	for _, bad := range []func(){
		func() { PushRows(ring, New(6, 2), 0) }, func() { PushRows(ring, New(2, 3), 0) },
		func() { PushRows(ring, New(2, 2), 5) }, func() { PushRows(ring, New(2, 2), -1) },
	} {
		assert.Panics(t, bad)
	}
}

func TestMethodOpShapes(t *testing.T) {
	tp := testEngine(t, 1).NewTape(Training)
	for _, bad := range []func(){
		func() { tp.RowDots(New(2, 3), New(3, 2)) }, func() { tp.SquaredDistance(New(2, 3), New(2, 2)) },
		func() { tp.ConcatColumns(New(2, 3), New(3, 3)) }, func() { tp.Center(New(3)) },
		func() { tp.DiagonalSquares(New(2, 3), 0, 1, 1) }, func() { tp.StdHinge(New(2, 3), 1, 0) },
		func() { tp.SoftCrossEntropy(New(2, 3), New(2, 2)) }, func() { tp.SharpSoftmax(New(2, 3), New(2), 1) },
	} {
		assert.Panics(t, bad)
	}
}
