package memorize

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// literalAlignment is 1 - cos(vec A_f, vec A_g), all and by rows, of points given
// as two views in f and in g.
func literalAlignment(f, g [][2][]float64) (all float64, rows []float64) {
	cos := func(a, b []float64) float64 { return 1 - literalD(Cosine, a, b) }
	var vecF, vecG []float64
	for i := range f {
		var rowF, rowG []float64
		for j := range f {
			rowF = append(rowF, cos(f[i][0], f[j][1]))
			rowG = append(rowG, cos(g[i][0], g[j][1]))
		}
		rows = append(rows, 1-cos(rowF, rowG))
		vecF, vecG = append(vecF, rowF...), append(vecG, rowG...)
	}
	return 1 - cos(vecF, vecG), rows
}

func alignmentOf(t testing.TB, x *fixture, e *tensor.Engine, o Options) []AlignmentScore {
	t.Helper()
	out, err := AlignmentMem(context.Background(), e, x.f, x.g, x.sets[:2], x.views, o, nil)
	require.NoError(t, err)
	return out
}

func TestAlignmentMemIsTheFormula(t *testing.T) {
	x := newFixture(t)
	x.sets[1].Points = []int{2, 6, 5, 7}
	e := engine(t, 2)
	o := passOptions()
	got := alignmentOf(t, x, e, o)
	infos := x.f.Taps()
	require.Len(t, got, 2*len(infos))

	o.Mode, o.Views = Pair, 2
	p := pass{e: e, o: &o, views: x.views}
	for s, set := range x.sets[:2] {
		// The smaller set has four points; the views are the first two of Score.
		acts := map[string]*[2][][2][]float64{}
		for side, encoder := range []nn.Encoder{x.f, x.g} {
			for _, point := range set.Points[:4] {
				tp, c := e.NewTape(tensor.Inference), nn.NewCapture()
				encoder.Forward(&nn.Context{Tape: tp, Taps: c}, p.input(set.Data.Image, []int{point}))
				for _, tap := range infos {
					if acts[tap.Name] == nil {
						acts[tap.Name] = &[2][][2][]float64{}
					}
					y := c.Outputs[tap.Name]
					var views [2][]float64
					for i, v := range y.Data() {
						views[i/(y.Len()/2)] = append(views[i/(y.Len()/2)], float64(v))
					}
					acts[tap.Name][side] = append(acts[tap.Name][side], views)
				}
				tp.Release()
			}
		}
		for i, tap := range infos {
			row := got[s*len(infos)+i]
			assert.Equal(t, []any{tap.Name, tap.Depth, set.Name, 4}, []any{row.Tap, row.Depth, row.Set, row.Stat.N})
			all, rows := literalAlignment(acts[tap.Name][F], acts[tap.Name][G])
			assert.InDelta(t, all, row.Stat.Mean, 2e-6)
			assert.InDeltaSlice(t, rows, row.Points(), 2e-6)
			assert.InDelta(t, literalMean(rows), row.Rows.Mean, 2e-6)
			// The jackknife, literally: without each point in turn.
			var left []float64
			for drop := range 4 {
				f := append(append([][2][]float64{}, acts[tap.Name][F][:drop]...), acts[tap.Name][F][drop+1:]...)
				g := append(append([][2][]float64{}, acts[tap.Name][G][:drop]...), acts[tap.Name][G][drop+1:]...)
				v, _ := literalAlignment(f, g)
				left = append(left, v)
			}
			ss := 0.0
			for _, v := range left {
				ss += math.Pow(v-literalMean(left), 2)
			}
			assert.InDelta(t, math.Sqrt(ss*3/4), row.Stat.SE, 5e-6)
		}
	}
}

// An encoder is like itself exactly, exchanging f and g changes nothing, and
// neither do batch and threads.
func TestAlignmentMemIsSymmetric(t *testing.T) {
	x := newFixture(t)
	o := passOptions()
	want := alignmentOf(t, x, engine(t, 1), o)
	x.f, x.g = x.g, x.f
	o.Batch = 2
	got := alignmentOf(t, x, engine(t, 3), o)
	assert.Equal(t, want, got)
	x.f = x.g
	for _, row := range alignmentOf(t, x, engine(t, 2), o) {
		assert.Equal(t, Stat{N: 3}, row.Stat, row.Tap)
		assert.Equal(t, Stat{N: 3}, row.Rows, row.Tap)
	}
}

func TestAlignmentGroupsFitIntoMemory(t *testing.T) {
	infos := []nn.TapInfo{{Name: "a", Shape: []int{1 << 10}}, {Name: "b", Shape: []int{2, 1 << 13}},
		{Name: "c", Shape: []int{1 << 10}}, {Name: "d", Shape: []int{8}}}
	taps := []Tap{{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}
	// 1 Ki values of 2 views of 4096 points in 2 encoders are 64 MiB; b is 1 GiB.
	assert.Equal(t, [][]Tap{taps[:1], taps[1:2], taps[2:]}, alignmentGroups(infos, taps, 4096))
	assert.Equal(t, [][]Tap{taps}, alignmentGroups(infos, taps, 16))
}

func TestAlignmentOfZeros(t *testing.T) {
	assert.Equal(t, []float64{0, 1, 1, 0}, []float64{apart([3]float64{0, 0, 0}), apart([3]float64{0, 1, 0}),
		apart([3]float64{0, 1, 4}), apart([3]float64{2, 1, 4})})
}

func TestAlignmentMemRefuses(t *testing.T) {
	x := newFixture(t)
	run := func() error {
		_, err := AlignmentMem(context.Background(), engine(t, 1), x.f, x.g, x.sets, x.views, passOptions(), nil)
		return err
	}
	assert.ErrorContains(t, run(), "the smallest set has 2 points, expected at least 3")
	x.sets[2].Points = []int{3, 5, 50}
	assert.ErrorContains(t, run(), "index 50")
	x.sets = x.sets[:2]
	x.g.Params()[0].Value.Data()[0] = float32(math.NaN())
	assert.ErrorContains(t, run(), "encoder g, set candidate, tap conv1, point 3: an activation is NaN")
	x.sets = nil
	assert.ErrorContains(t, run(), "sets: found none")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x = newFixture(t)
	_, err := AlignmentMem(ctx, engine(t, 1), x.f, x.g, x.sets[:2], x.views, passOptions(), nil)
	assert.ErrorIs(t, err, context.Canceled)
}

// Inputs that were made elsewhere have the scores of the images that they show; the image
// itself, in mode original, is none of the two views.
func TestAlignmentOfInputs(t *testing.T) {
	x := newFixture(t)
	e := engine(t, 2)
	for _, mode := range []Mode{Pair, Original} {
		o := passOptions()
		o.Mode = mode
		want := alignmentOf(t, x, e, o)
		p := pass{e: e, o: &o, views: x.views}
		sets := []Set{x.sets[0].Set, x.sets[1].Set}
		got, err := AlignmentInputs(context.Background(), e, x.f, x.g, sets, func(yield func(Input, error) bool) {
			for s, set := range x.sets[:2] {
				for chunk := range slices.Chunk(set.Points, 3) {
					if !yield(Input{s, p.input(set.Data.Image, chunk)}, nil) {
						return
					}
				}
			}
		}, o, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got, mode)
	}
}
