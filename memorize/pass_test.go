package memorize

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// fixture is a pair of small ResNet-9 with random weights and a few images.
type fixture struct {
	f, g  nn.Encoder
	sets  []Images
	views *augment.Augmenter
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	const size = 16
	encoder := func(seed uint64) nn.Encoder {
		e, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: 0.125, InH: size, InW: size}, seed)
		require.NoError(t, err)
		return e
	}
	part := func(p data.Part) data.Dataset {
		d, err := data.NewSynthetic(data.SyntheticOptions{N: 20, Size: size, Part: p})
		require.NoError(t, err)
		return d
	}
	train, test := part(data.Train), part(data.Test)
	views, err := augment.New(augment.SimCLR(), size, size, 3)
	require.NoError(t, err)
	return &fixture{encoder(1), encoder(2), []Images{
		{Set{Candidate, []int{3, 1, 4, 15, 9}}, train},
		{Set{Independent, []int{2, 6, 5}}, train},
		{Set{External, []int{3, 5}}, test},
	}, views}
}

func (x *fixture) score(t testing.TB, e *tensor.Engine, o Options) *Scores {
	t.Helper()
	s, err := Score(context.Background(), e, x.f, x.g, x.sets, x.views, o, nil)
	require.NoError(t, err)
	return s
}

func passOptions() Options {
	o := DefaultOptions()
	o.Views, o.Resamples, o.Seed = 3, 99, 5
	return o
}

// One pass gives what an accumulator makes of the activations of each point by
// itself, and leaves the encoders as they were.
func TestScoreIsThePassDoneByHand(t *testing.T) {
	x := newFixture(t)
	e := engine(t, 2)
	for _, m := range []Mode{Pair, Original} {
		o := passOptions()
		o.Mode = m
		before := nn.Hash(x.f.Params())
		got := x.score(t, e, o)
		assert.Equal(t, before, nn.Hash(x.f.Params()), "batch norm ran in evaluation mode")
		assert.Equal(t, before, got.Provenance.WeightsF)
		assert.Equal(t, nn.Hash(x.g.Params()), got.Provenance.WeightsG)

		var taps []Tap
		for _, info := range x.f.Taps() {
			taps = append(taps, Tap{info.Name, info.Depth})
		}
		assert.Equal(t, taps, got.Provenance.Taps)
		var sets []Set
		for _, s := range x.sets {
			sets = append(sets, s.Set)
		}
		acc, err := NewAccumulator(e, o, taps, sets)
		require.NoError(t, err)
		p := pass{e: e, o: &o, views: x.views}
		for side, encoder := range []nn.Encoder{x.f, x.g} {
			for s, set := range x.sets {
				for _, point := range set.Points {
					tp := e.NewTape(tensor.Inference)
					c := nn.NewCapture()
					encoder.Forward(&nn.Context{Tape: tp, Taps: c}, p.input(set.Data.Image, []int{point}))
					for i, tap := range taps {
						require.NoError(t, acc.Add(Side(side), s, i, c.Outputs[tap.Name]))
					}
					tp.Release()
				}
			}
		}
		want, err := acc.Scores()
		require.NoError(t, err)
		assert.Equal(t, want.Layers, got.Layers)
		assert.Equal(t, want.Deltas, got.Deltas)
		assert.Equal(t, want.UnitsF, got.UnitsF)
		assert.Equal(t, want.UnitsG, got.UnitsG)
	}
}

func TestPassIsTheSameBitsForAnyBatchAndThreads(t *testing.T) {
	x := newFixture(t)
	o := passOptions()
	want := x.score(t, engine(t, 1), o)
	for _, threads := range []int{1, 2, 3} {
		for _, batch := range []int{1, 7, 100} {
			o.Batch = batch
			got := x.score(t, engine(t, threads), o)
			got.Provenance.Options.Batch = want.Provenance.Options.Batch
			require.Equal(t, want, got, "%d threads, batch %d", threads, batch)
		}
	}
}

// f and g see the same views: an encoder against itself scores 0 everywhere.
func TestViewsAreCommonToBothEncoders(t *testing.T) {
	x := newFixture(t)
	x.g = x.f
	s := x.score(t, engine(t, 2), passOptions())
	for _, l := range s.Layers {
		assert.Equal(t, Stat{N: l.Stat.N}, l.Stat)
		assert.NotZero(t, s.Alignment(F, l.Tap, Candidate, UnitL2)[0], "views differ")
	}
}

// plain shows every image as it is in every view.
type plain struct{ *augment.Augmenter }

func (p plain) View(dst []float32, img []uint8, _ *rand.Rand) { p.Original(dst, img) }

func TestOriginalModeShowsTheImageItself(t *testing.T) {
	x := newFixture(t)
	o := passOptions()
	o.Mode = Original
	s, err := Score(context.Background(), engine(t, 1), x.f, x.g, x.sets, plain{x.views}, o, nil)
	require.NoError(t, err)
	for _, tap := range s.Provenance.Taps {
		assert.Equal(t, make([]float64, 5), s.Alignment(G, tap.Name, Candidate, UnitL2))
	}
}

// stamp writes the first number of the stream of each view into its pixels.
type stamp struct{ *augment.Augmenter }

func (s stamp) View(dst []float32, _ []uint8, r *rand.Rand) {
	v := r.Float32()
	for i := range dst {
		dst[i] = v
	}
}

// View v of an image is the same in every batch and mode: its stream belongs to
// seed, index and v.
func TestViewsComeFromTheirStreams(t *testing.T) {
	x := newFixture(t)
	want := func(index, v uint64) float32 { return rng.New(5, "score-view", index, v).Float32() }
	for _, m := range []Mode{Pair, Original} {
		o := passOptions()
		o.Mode = m
		p := pass{e: engine(t, 2), o: &o, views: stamp{x.views}}
		batch := p.input(x.sets[0].Data.Image, []int{15, 4})
		rows := slices.Collect(slices.Chunk(batch.Data(), 16*16*3))
		require.Len(t, rows, 2*o.Rows())
		for i, index := range []uint64{15, 4} {
			views := rows[i*o.Rows():][:o.Rows()]
			if m == Original {
				image := make([]float32, 16*16*3)
				x.views.Original(image, x.sets[0].Data.Image(int(index)))
				assert.Equal(t, image, views[0])
				views = views[1:]
			}
			for v, view := range views {
				assert.Equal(t, want(index, uint64(v)), view[0], "mode %s, image %d, view %d", m, index, v)
			}
		}
	}
}

// The pass holds the activations of one batch, however many there are.
func TestPassReusesItsBuffers(t *testing.T) {
	x := newFixture(t)
	e := engine(t, 2)
	o := passOptions()
	o.Batch = 3
	x.score(t, e, o)
	_, before := e.BufferBytes()
	x.sets[0].Points = []int{0, 1, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14}
	x.score(t, e, o)
	_, after := e.BufferBytes()
	assert.Equal(t, before, after)
}

func TestScoreTapsAndProgress(t *testing.T) {
	x := newFixture(t)
	o := passOptions()
	o.Taps, o.Batch, o.Units = []string{"res*", "conv1"}, 6, false
	var done []int
	s, err := Score(context.Background(), engine(t, 1), x.f, x.g, x.sets, x.views, o, func(d, total int) {
		assert.Equal(t, 10, total)
		done = append(done, d)
	})
	require.NoError(t, err)
	assert.Equal(t, []int{2, 4, 5, 7, 8, 10}, done)
	assert.Equal(t, []Tap{{"conv1", 1}, {"res2", 15}, {"res4", 30}}, s.Provenance.Taps)
	assert.Equal(t, []int{2, 6, 5}, s.Points(Independent))
	assert.Nil(t, s.Points(Controlled))
	assert.Nil(t, s.PointScores("conv9", Candidate, Paper, UnitL2))
	o.Taps = nil
	all := x.score(t, engine(t, 1), o)
	for _, tap := range s.Provenance.Taps {
		assert.Equal(t, all.Alignment(G, tap.Name, External, UnitL2), s.Alignment(G, tap.Name, External, UnitL2), "other taps do not matter")
	}
	_, ok := s.Layer("res4", Shared, Paper, UnitL2)
	assert.False(t, ok)
	assert.Equal(t, "res4", s.SSLMem()[0].Tap)
	for _, d := range s.Deltas {
		assert.Contains(t, []string{"res2 conv1", "res4 res2"}, d.Tap+" "+d.Previous)
	}
}

func TestScoreRefusals(t *testing.T) {
	e := engine(t, 1)
	score := func(change func(*fixture, *Options)) error {
		x, o := newFixture(t), passOptions()
		change(x, &o)
		_, err := Score(context.Background(), e, x.f, x.g, x.sets, x.views, o, nil)
		return err
	}
	for want, change := range map[string]func(*fixture, *Options){
		"f and g have different taps": func(x *fixture, _ *Options) {
			g, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: 0.25, InH: 16, InW: 16}, 1)
			require.NoError(t, err)
			x.g = g
		},
		`taps: no tap matches "conv9"`: func(_ *fixture, o *Options) { o.Taps = []string{"conv9"} },
		"set independent: index 20 is not in synthetic": func(x *fixture, _ *Options) {
			x.sets[1].Points = []int{2, 20}
		},
		"set candidate: index -1 is not in": func(x *fixture, _ *Options) { x.sets[0].Points[0] = -1 },
		"set candidate: found 0 points":     func(x *fixture, _ *Options) { x.sets[0].Points = nil },
		"views: found 1":                    func(_ *fixture, o *Options) { o.Views = 1 },
		"batch: found 0":                    func(_ *fixture, o *Options) { o.Batch = 0 },
		"are 32x32x3": func(x *fixture, _ *Options) {
			d, err := data.NewSynthetic(data.SyntheticOptions{N: 20})
			require.NoError(t, err)
			x.sets[2].Data = d
		},
		// A weight that broke shows in the tap where it stands.
		"encoder g, tap conv2_0, set candidate, point 3: an activation is NaN or infinite": func(x *fixture, _ *Options) {
			for _, p := range x.g.Params() {
				if strings.HasPrefix(p.Name, "conv2_0.weight") {
					p.Value.Data()[0] = float32(math.NaN())
				}
			}
		},
	} {
		assert.ErrorContains(t, score(change), want)
	}

	x := newFixture(t)
	ctx, cancel := context.WithCancel(context.Background())
	o := passOptions()
	o.Batch = 1
	var done []int
	_, err := Score(ctx, e, x.f, x.g, x.sets, x.views, o, func(d, _ int) {
		if done = append(done, d); d == 2 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, slices.Equal(done, []int{1, 2}), "stops at once")
}
