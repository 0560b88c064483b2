package ssl

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// algorithm1 is Algorithm 1 of Chen et al. (2020), word for word: views 2k-1 and
// 2k (counted from 1) are those of image k.
func algorithm1(z1, z2 [][]float64, temperature float64) float64 {
	n := len(z1)
	z := make([][]float64, 2*n+1) // from 1
	for k := 1; k <= n; k++ {
		z[2*k-1], z[2*k] = z1[k-1], z2[k-1]
	}
	norm := func(a []float64) float64 {
		s := 0.0
		for _, v := range a {
			s += v * v
		}
		return math.Sqrt(s)
	}
	s := func(i, j int) float64 {
		dot := 0.0
		for d := range z[i] {
			dot += z[i][d] * z[j][d]
		}
		return dot / (norm(z[i]) * norm(z[j]))
	}
	l := func(i, j int) float64 {
		sum := 0.0
		for k := 1; k <= 2*n; k++ {
			if k != i {
				sum += math.Exp(s(i, k) / temperature)
			}
		}
		return -math.Log(math.Exp(s(i, j)/temperature) / sum)
	}
	loss := 0.0
	for k := 1; k <= n; k++ {
		loss += l(2*k-1, 2*k) + l(2*k, 2*k-1)
	}
	return loss / float64(2*n)
}

// randomRows makes n rows of d float32-exact numbers.
func randomRows(name string, n, d int) [][]float64 {
	r := rng.New(1, name, uint64(n), uint64(d))
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, d)
		for j := range rows[i] {
			rows[i][j] = float64(float32(r.NormFloat64()))
		}
	}
	return rows
}

func toTensor(rows [][]float64) *tensor.Tensor {
	var flat []float32
	for _, r := range rows {
		for _, v := range r {
			flat = append(flat, float32(v))
		}
	}
	return tensor.FromSlice(flat, len(rows), len(rows[0]))
}

func newEngine(t testing.TB, threads int) *tensor.Engine {
	e, err := tensor.NewEngine(tensor.Options{Threads: threads})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// ntXentOf returns the loss and the gradients of both views.
func ntXentOf(t testing.TB, z1, z2 [][]float64, temperature float64) (loss float64, g1, g2 []float32) {
	e := newEngine(t, 2)
	a, b := toTensor(z1).RequireGrad(), toTensor(z2).RequireGrad()
	tp := e.NewTape(tensor.Training)
	l := NTXent(tp, a, b, float32(temperature))
	tp.Backward(l)
	defer tp.Release()
	require.Equal(t, []int{1}, l.Shape())
	return float64(l.Item()), a.Grad().Data(), b.Grad().Data()
}

func TestNTXentIsAlgorithm1(t *testing.T) {
	for _, c := range []struct {
		n, d        int
		temperature float64
	}{{1, 4, .5}, {2, 1, .5}, {2, 3, .1}, {3, 7, .5}, {5, 64, .07}, {16, 33, 1}, {40, 64, .5}} {
		t.Run(fmt.Sprintf("n%d d%d t%v", c.n, c.d, c.temperature), func(t *testing.T) {
			z1, z2 := randomRows("z1", c.n, c.d), randomRows("z2", c.n, c.d)
			got, _, _ := ntXentOf(t, z1, z2, c.temperature)
			assert.InEpsilon(t, 1+algorithm1(z1, z2, c.temperature), 1+got, 2e-6)
		})
	}
}

func TestNTXentGradientIsThatOfAlgorithm1(t *testing.T) {
	for _, c := range []struct {
		n, d        int
		temperature float64
	}{{2, 3, .5}, {4, 5, .1}, {7, 16, .5}} {
		z1, z2 := randomRows("z1", c.n, c.d), randomRows("z2", c.n, c.d)
		_, g1, g2 := ntXentOf(t, z1, z2, c.temperature)
		for which, rows := range [][][]float64{z1, z2} {
			got := [][]float32{g1, g2}[which]
			for i := range rows {
				for j := range rows[i] {
					const h = 1e-5
					was := rows[i][j]
					rows[i][j] = was + h
					up := algorithm1(z1, z2, c.temperature)
					rows[i][j] = was - h
					down := algorithm1(z1, z2, c.temperature)
					rows[i][j] = was
					require.InDelta(t, (up-down)/(2*h), float64(got[i*c.d+j]), 2e-6/c.temperature,
						"n %d, d %d, view %d, row %d, column %d", c.n, c.d, which, i, j)
				}
			}
		}
	}
}

// Cases whose loss is known without computing similarities.
func TestNTXentClosedForms(t *testing.T) {
	const n, d = 6, 8
	row := func(f func(i, j int) float64) [][]float64 {
		rows := make([][]float64, n)
		for i := range rows {
			for j := range d {
				rows[i] = append(rows[i], f(i, j))
			}
		}
		return rows
	}
	same := row(func(_, j int) float64 { return float64(j) - 2 })
	opposite := row(func(_, j int) float64 { return 2 - float64(j) })
	axes := row(func(i, j int) float64 {
		if i == j {
			return float64(i + 1) // the length must not matter
		}
		return 0
	})
	for _, temperature := range []float64{.1, .5, 1} {
		for _, c := range []struct {
			name     string
			z1, z2   [][]float64
			expected float64
		}{
			{"all equal: chance", same, same, math.Log(2*n - 1)},
			{"pairs equal, images orthogonal", axes, axes, math.Log1p((2*n - 2) * math.Exp(-1/temperature))},
			{"views opposite, images equal", same, opposite, math.Log((n-1)*math.Exp(2/temperature) + n)},
		} {
			got, g1, g2 := ntXentOf(t, c.z1, c.z2, temperature)
			assert.InEpsilon(t, 1+c.expected, 1+got, 3e-6, "%s, temperature %v", c.name, temperature)
			for _, g := range append(g1, g2...) {
				require.True(t, finite(float64(g)), "%s: the gradient has %v", c.name, g)
			}
		}
	}
}

// The loss sees directions only, so no gradient points along its row.
func TestNTXentGradientIsAcrossTheRow(t *testing.T) {
	z1, z2 := randomRows("z1", 5, 9), randomRows("z2", 5, 9)
	_, g1, _ := ntXentOf(t, z1, z2, .2)
	for i, r := range z1 {
		along, length := 0.0, 0.0
		for j, v := range r {
			along += v * float64(g1[i*9+j])
			length += math.Abs(float64(g1[i*9+j]))
		}
		assert.InDelta(t, 0, along, 1e-5)
		assert.Greater(t, length, 1e-3, "a gradient of zero would pass too")
	}
}

func TestNTXentShapes(t *testing.T) {
	tp := newEngine(t, 1).NewTape(tensor.Training)
	assert.PanicsWithValue(t, "ssl: NTXent takes two tensors of the same shape [N,D], got [2 3] and [3 3]",
		func() { NTXent(tp, tensor.New(2, 3), tensor.New(3, 3), 1) })
	assert.Panics(t, func() { NTXent(tp, tensor.New(6), tensor.New(6), 1) })
}

func TestNewSimCLRErrors(t *testing.T) {
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .1}, 1)
	require.NoError(t, err)
	for _, c := range []struct {
		cfg  SimCLRConfig
		says string
	}{
		{SimCLRConfig{Temperature: 0, Projector: []int{8}}, "temperature: found 0"},
		{SimCLRConfig{Temperature: -1, Projector: []int{8}}, "temperature: found -1"},
		{SimCLRConfig{Temperature: math.NaN(), Projector: []int{8}}, "temperature: found NaN"},
		{SimCLRConfig{Temperature: math.Inf(1), Projector: []int{8}}, "temperature: found +Inf"},
		{SimCLRConfig{Temperature: 1}, "projector: found no layer"},
		{SimCLRConfig{Temperature: 1, Projector: []int{8, 0}}, "projector: found width 0"},
	} {
		_, err := made[*SimCLR]("simclr", c.cfg, Setup{Encoder: enc, Seed: 1})
		assert.ErrorContains(t, err, c.says)
	}
}

// The loss of the method is NT-Xent of the projections, and batch norm sees both
// views as one batch.
func TestSimCLRLoss(t *testing.T) {
	p := newProblem(t, problemOptions{})
	e := p.config.Engine
	h, w, c := p.config.Augment.Shape()
	views := []*tensor.Tensor{tensor.New(6, h, w, c), tensor.New(6, h, w, c)}
	r := rng.New(1, "images")
	for _, v := range views {
		for i := range v.Data() {
			v.Data()[i] = r.Float32()
		}
	}
	before := nn.Clone(p.method.Params())

	tp := e.NewTape(tensor.Training)
	capture := nn.NewCapture(ProjectionTap)
	loss := p.method.Loss(&nn.Context{Tape: tp, Taps: capture}, views)
	z := capture.Outputs[ProjectionTap]
	require.Equal(t, []int{12, 8}, z.Shape())
	rows := make([][]float64, 12)
	for i := range rows {
		for _, v := range z.Data()[i*8 : (i+1)*8] {
			rows[i] = append(rows[i], float64(v))
		}
	}
	assert.InEpsilon(t, algorithm1(rows[:6], rows[6:], .5), float64(loss.Item()), 1e-5)
	tp.Release()
	enc := p.encoder
	after := nn.Hash(enc.Params())

	require.NoError(t, nn.Copy(p.method.Params(), before))
	enc.Forward(&nn.Context{Tape: tp}, tp.Concat(views...))
	tp.Release()
	assert.Equal(t, after, nn.Hash(enc.Params()), "running statistics of one pass over both views")
	require.NoError(t, nn.Copy(p.method.Params(), before))
	assert.NotEqual(t, after, nn.Hash(enc.Params()), "the pass must have moved them")

	assert.InDelta(t, math.Log(511), p.method.Chance(256), 1e-12)
	assert.Panics(t, func() { p.method.Loss(&nn.Context{Tape: tp}, views[:1]) })
}
