package perturb

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

func newEngine(t testing.TB) *tensor.Engine {
	e, err := tensor.NewEngine(tensor.Options{Threads: 2})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// encoder returns a small encoder whose norms and statistics are as after some
// training: no two parameters of two seeds are equal.
func encoder(t testing.TB, name string, o nn.EncoderOptions, seed uint64) nn.Encoder {
	enc, err := nn.NewEncoder(name, o, seed)
	require.NoError(t, err)
	return trained(enc, seed)
}

// trained changes the parameters of enc as some training would.
func trained(enc nn.Encoder, seed uint64) nn.Encoder {
	r := rng.New(seed, "trained")
	for _, p := range enc.Params() {
		for i := range p.Value.Data() {
			p.Value.Data()[i] += float32(.1 + .2*r.Float64())
		}
	}
	return enc
}

var (
	small9  = nn.EncoderOptions{Width: .125, InH: 16, InW: 16}
	small9g = nn.EncoderOptions{Width: .125, InH: 16, InW: 16, Norm: nn.NormGroup}
	smallVT = nn.EncoderOptions{Width: .125, InH: 8, InW: 8, Depth: 2}
)

// outputs runs an encoder in evaluation mode and returns its features and taps.
func outputs(e *tensor.Engine, enc nn.Encoder, side, n int) map[string][]float32 {
	x := tensor.New(n, side, side, 3)
	r := rng.New(9, "images")
	for i := range x.Data() {
		x.Data()[i] = float32(r.NormFloat64())
	}
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	c := nn.NewCapture()
	out := map[string][]float32{}
	f := enc.Forward(&nn.Context{Tape: tp, Taps: c}, x)
	out[""] = append([]float32{}, f.Data()...)
	for name, t := range c.Outputs {
		out[name] = append([]float32{}, t.Data()...)
	}
	return out
}

func TestSwap(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		name   string
		o      nn.EncoderOptions
		layers []string
		moved  []string // parameters
		side   int
	}{
		{"resnet9", small9, []string{"conv4_1", "conv2_0"}, []string{
			"conv2_0.weight", "conv2_0.bias", "bn2_0.weight", "bn2_0.bias", "bn2_0.running_mean", "bn2_0.running_var",
			"conv4_1.weight", "conv4_1.bias", "bn4_1.weight", "bn4_1.bias", "bn4_1.running_mean", "bn4_1.running_var"}, 16},
		{"resnet9", small9g, []string{"conv1"}, []string{"conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias"}, 16},
		{"vit_tiny_patch4", smallVT, []string{"embed", "blocks.1.mlp.fc1"}, []string{"cls_token", "pos_embed", "blocks.1.mlp.fc1.weight", "blocks.1.mlp.fc1.bias"}, 8},
	} {
		a, b := encoder(t, c.name, c.o, 1), encoder(t, c.name, c.o, 2)
		before := [2]string{nn.Hash(a.Params()), nn.Hash(b.Params())}
		s, err := Swap(a, b, c.layers)
		require.NoError(t, err)
		assert.Equal(t, before, [2]string{nn.Hash(a.Params()), nn.Hash(b.Params())}, "the given encoders stay")
		var moved []string
		for i, p := range s.Params() {
			switch nn.Hash([]*nn.Param{p}) {
			case nn.Hash(b.Params()[i : i+1]):
				moved = append(moved, p.Name)
			default:
				assert.Equal(t, nn.Hash(a.Params()[i:i+1]), nn.Hash([]*nn.Param{p}), p.Name)
			}
		}
		assert.Equal(t, c.moved, moved)

		all, err := Swap(a, b, nn.LayerNames(a))
		require.NoError(t, err)
		assert.Equal(t, outputs(e, b, c.side, 3), outputs(e, all, c.side, 3), "with all layers of b it is b")
		none, err := Swap(a, b, nil)
		require.NoError(t, err)
		assert.Equal(t, outputs(e, a, c.side, 3), outputs(e, none, c.side, 3), "with none it is a")
	}
}

func TestSwapKeepsWhatComesBefore(t *testing.T) {
	e := newEngine(t)
	a, b := encoder(t, "resnet9", small9, 1), encoder(t, "resnet9", small9, 2)
	s, err := Swap(a, b, []string{"conv3"})
	require.NoError(t, err)
	want, got := outputs(e, a, 16, 3), outputs(e, s, 16, 3)
	assert.Equal(t, want["res2"], got["res2"])
	assert.NotEqual(t, want["bn3"], got["bn3"])
}

func TestReinitialise(t *testing.T) {
	a := encoder(t, "resnet9", small9, 1)
	s, err := Reinitialise(a, []string{"conv3"}, 7)
	require.NoError(t, err)
	fresh, err := nn.NewEncoder("resnet9", small9, 7)
	require.NoError(t, err)
	hash := func(enc nn.Encoder, layer string) string {
		p, err := nn.LayerParams(enc, []string{layer})
		require.NoError(t, err)
		return nn.Hash(p)
	}
	assert.Equal(t, hash(fresh, "conv3"), hash(s, "conv3"))
	assert.Equal(t, hash(a, "conv4_0"), hash(s, "conv4_0"))
}

func TestSwapErrors(t *testing.T) {
	a := encoder(t, "resnet9", small9, 1)
	_, err := Swap(a, encoder(t, "resnet9", small9g, 1), nil)
	assert.ErrorContains(t, err, "other layers")
	_, err = Swap(a, encoder(t, "resnet9", nn.EncoderOptions{Width: .25, InH: 16, InW: 16}, 1), nil)
	assert.ErrorContains(t, err, "other layers")
	_, err = Swap(a, a, []string{"conv9"})
	assert.ErrorContains(t, err, `found "conv9", expected one with parameters, such as conv1, conv2_0`)
	_, err = Swap(a, a, []string{"relu1"})
	assert.ErrorContains(t, err, `found "relu1"`)
	_, err = Swap(struct{ nn.Encoder }{a}, a, []string{"conv1"})
	assert.ErrorContains(t, err, "expected one of NewEncoder")
}

func TestCombinations(t *testing.T) {
	l := []string{"1", "2", "3", "4"}
	assert.Equal(t, [][]string{{"1"}, {"2"}, {"3"}, {"4"}}, Combinations(l, 1))
	assert.Equal(t, [][]string{{"1", "2"}, {"1", "3"}, {"1", "4"}, {"2", "3"}, {"2", "4"}, {"3", "4"}}, Combinations(l, 2))
	assert.Equal(t, [][]string{{"1", "2", "3"}, {"1", "2", "4"}, {"1", "3", "4"}, {"2", "3", "4"}}, Combinations(l, 3))
	assert.Len(t, Combinations(make([]string, 8), 2), 28, "Table 32")
	assert.Len(t, Combinations(make([]string, 8), 3), 56, "Table 33")
	assert.Empty(t, Combinations(l, 5))
	assert.Empty(t, Combinations(l, 0))
}

func TestNormCosines(t *testing.T) {
	e := newEngine(t)
	a, b := encoder(t, "resnet9", small9, 1), encoder(t, "resnet9", small9, 2)
	weight := func(enc nn.Encoder, v []float32) {
		for _, p := range enc.Params() {
			if p.Name == "bn1.weight" {
				p.Value.CopyFrom(v)
			}
		}
	}
	weight(a, []float32{1, 2, 3, 4})
	weight(b, []float32{4, 3, 2, 1})
	rows, err := NormCosines(e, a, b)
	require.NoError(t, err)
	require.Len(t, rows, 8)
	assert.Equal(t, "bn1", rows[0].Layer)
	assert.InDelta(t, 20./30, rows[0].Weight, 1e-6)
	assert.InDelta(t, -1, rows[0].Centred, 1e-6)
	rows, err = NormCosines(e, a, a)
	require.NoError(t, err)
	for _, r := range rows {
		assert.InDelta(t, 1, r.Weight, 1e-6)
		assert.InDelta(t, 1, r.Centred, 1e-6)
	}
	weight(a, []float32{2, 2, 2, 2})
	rows, err = NormCosines(e, a, b)
	require.NoError(t, err)
	assert.Zero(t, rows[0].Centred, "a constant says nothing about channels")
	_, err = NormCosines(e, a, encoder(t, "resnet9", small9g, 1))
	assert.ErrorContains(t, err, "other layers")
}
