package nn_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/tensor"
)

// places is a layer of our own: a trained number for each pixel and channel of a map
// of h x w, added to the map. On maps of another size every pixel takes the number of
// the nearest place.
type places struct {
	name    string
	h, w    int
	weight  *nn.Param
	nearest *tensor.Tensor // [pixels,h*w]; nil: one to one
}

func newPlaces(name string, h, w, c int) *places {
	v := tensor.FromSlice(testutil.Uniform(name, h*w*c), h*w, c).RequireGrad()
	return &places{name, h, w, &nn.Param{Name: name + ".weight", Value: v}, nil}
}

func (l *places) Forward(c *nn.Context, x *tensor.Tensor) *tensor.Tensor {
	s, v := x.Shape(), l.weight.Value
	if l.nearest != nil {
		v = c.Tape.MatMul(l.nearest, v, false, false)
	}
	y := c.Tape.Reshape(c.Tape.AddTokens(c.Tape.Reshape(x, s[0], s[1]*s[2], s[3]), v), s...)
	c.Tap(l.name, y)
	return y
}

func (l *places) Params() []*nn.Param { return []*nn.Param{l.weight} }

func (l *places) Plan(p *nn.Plan, in []int) ([]int, error) {
	n := l.h * l.w
	if l.nearest != nil {
		n = l.nearest.Dim(0)
	}
	if in[0]*in[1] != n {
		return nil, fmt.Errorf("layer %s: found a map of %v, expected %d pixels", l.name, in, n)
	}
	p.Add(l.name, nn.KindAdd, in)
	return in, nil
}

func (l *places) ForInput(_ *nn.Plan, in []int) (nn.Layer, error) {
	other := *l
	m := make([]float32, in[0]*in[1]*l.h*l.w)
	for y := range in[0] {
		for x := range in[1] {
			m[(y*in[1]+x)*l.h*l.w+y*l.h/in[0]*l.w+x*l.w/in[1]] = 1
		}
	}
	other.nearest = tensor.FromSlice(m, in[0]*in[1], l.h*l.w)
	return &other, nil
}

// own is an encoder that uses what a user can: group norm, a block of any layers with
// a layer of our own in it, a residual sum, a bottleneck, and layers inside layers.
func own(seed uint64) nn.Layer {
	conv := func(name string, in, out int) nn.Layer {
		return nn.NewConv2D(name, nn.ConvConfig{In: in, Out: out, Kernel: 3, Pad: 1}, seed)
	}
	return nn.Sequential{
		conv("stem", 3, 6),
		nn.NewNormReLU(nn.NewNorm("stem_gn", nn.NormGroup, 6), "stem_relu"),
		nn.Sequential{
			nn.NewResBlock("first", nn.Sequential{newPlaces("first.places", 8, 8, 6), conv("first.conv", 6, 4)},
				nn.NewNorm("first.gn", nn.NormGroup, 4), conv("first.down", 6, 4)),
			&nn.Residual{Name: "sum", Body: nn.Sequential{newPlaces("inner", 8, 8, 4), conv("mid", 4, 4)}},
		},
		// A norm that cannot be fused: layer norm over the channels.
		nn.NewNormReLU(nn.NewLayerNorm("ln", 4, 1e-5), "ln_relu"),
		nn.NewResBlock("second", conv("second.conv", 4, 4), nn.NewBatchNorm("second.bn", 4), nil),
		nn.NewBottleneck("third", nn.BlockConfig{In: 4, Mid: 2, Out: 8, Stride: 2}, seed),
		&nn.GlobalPool{Name: "pool"},
	}
}

func ownEncoder(t *testing.T, seed uint64) nn.Encoder {
	enc, err := nn.NewNetwork(own, []int{8, 8, 3}, seed)
	require.NoError(t, err)
	return enc
}

func images(name string, n, h, w int) *tensor.Tensor {
	return tensor.FromSlice(testutil.NetImages("images/"+name, n, h, w, 3), n, h, w, 3)
}

// The taps that are heard are those planned, with their shapes, in their order, and
// every parameter belongs to a tap and to a layer.
func TestOwnEncoderIsHeardAsPlanned(t *testing.T) {
	enc := ownEncoder(t, 1)
	tp := engine(t, 1).NewTape(tensor.Inference)
	defer tp.Release()
	heard := nn.NewCapture()
	y := enc.Forward(&nn.Context{Tape: tp, Taps: heard}, images("own", 3, 8, 8))
	assert.Equal(t, []int{3, enc.OutDim()}, y.Shape())
	var names []string
	counted := 0
	for _, tap := range enc.Taps() {
		names = append(names, tap.Name)
		counted += tap.Params
		require.Contains(t, heard.Outputs, tap.Name)
		assert.Equal(t, append([]int{3}, tap.Shape...), heard.Outputs[tap.Name].Shape(), tap.Name)
	}
	sorted := func(s []string) []string { return slices.Sorted(slices.Values(s)) }
	assert.Equal(t, sorted(names), sorted(heard.Order))
	assert.Equal(t, nn.Count(enc.Params()), counted)
	layers := nn.LayerNames(enc)
	assert.Equal(t, []string{"stem", "first", "inner", "mid", "ln", "second", "third"}, layers)
	all, err := nn.LayerParams(enc, layers)
	require.NoError(t, err)
	assert.Equal(t, enc.Params(), all)
	// A block with a norm that is not fused is a sum and a ReLU as well.
	for i, v := range heard.Outputs["first.add"].Data() {
		require.Equal(t, heard.Outputs["first.gn"].Data()[i]+heard.Outputs["first.down"].Data()[i], v)
		require.Equal(t, max(v, 0), heard.Outputs["first"].Data()[i])
	}
}

// Listening to an encoder from outside changes no bit of features and gradients.
func TestListeningToOwnEncoderChangesNothing(t *testing.T) {
	e := engine(t, 1)
	build := func(seed uint64) nn.Layer { return smallResNet(seed) }
	enc := func() nn.Encoder {
		enc, err := nn.NewNetwork(build, []int{32, 32, 3}, 1)
		require.NoError(t, err)
		return enc
	}
	want := step(t, e, enc(), nil)
	assert.Equal(t, want, step(t, e, enc(), nn.NewCapture()))
}

// Gradients of SimCLR's loss reach every parameter, through the encoder for large and
// the one for small images on the same tape: as much as the two give one by one.
func TestOwnEncoderLearns(t *testing.T) {
	e := engine(t, 1)
	enc := ownEncoder(t, 1)
	small, err := nn.ForImages(enc, 6, 5)
	require.NoError(t, err)
	const n = 4
	loss := func(tp *tensor.Tape, z *tensor.Tensor) *tensor.Tensor {
		z = tp.L2Normalize(z, 1e-12)
		s := tp.MaskDiagonal(tp.Scale(tp.MatMul(z, z, false, true), 2), -1e9)
		other := make([]int, 2*n)
		for i := range other {
			other[i] = (i + n) % (2 * n)
		}
		return tp.SoftmaxCrossEntropy(s, other)
	}
	gradients := func(encoders ...nn.Encoder) map[string][]float32 {
		tp := e.NewTape(tensor.Training)
		defer tp.Release()
		var total *tensor.Tensor
		for _, enc := range encoders {
			h, w := 8, 8
			if enc == small {
				h, w = 6, 5
			}
			l := loss(tp, enc.Forward(&nn.Context{Tape: tp}, images("own", 2*n, h, w)))
			if total == nil {
				total = l
			} else {
				total = tp.Add(total, l)
			}
		}
		tp.Backward(total)
		out := map[string][]float32{}
		for _, p := range nn.Trained(enc.Params()) {
			require.NotNil(t, p.Value.Grad(), p.Name)
			out[p.Name] = slices.Clone(p.Value.Grad().Data())
			p.Value.ZeroGrad()
		}
		return out
	}
	one, two, both := gradients(enc), gradients(small), gradients(enc, small)
	for name := range one {
		largest := float32(0)
		for i := range one[name] {
			largest = max(largest, one[name][i], -one[name][i], two[name][i], -two[name][i])
		}
		assert.NotZero(t, largest, name)
		for i := range one[name] {
			assert.InDelta(t, one[name][i]+two[name][i], both[name][i], 1e-5*float64(largest)+1e-8, name)
		}
	}
}

// An encoder for another size has the very same parameters, layers of our own
// included, and on its own size computes the same bits.
func TestOwnEncoderForOtherImages(t *testing.T) {
	enc := ownEncoder(t, 1)
	tp := engine(t, 1).NewTape(tensor.Inference)
	defer tp.Release()
	c := &nn.Context{Tape: tp}
	x := images("own", 2, 8, 8)
	want := slices.Clone(enc.Forward(c, x).Data())
	same, err := nn.ForImages(enc, 8, 8)
	require.NoError(t, err)
	assert.Equal(t, want, same.Forward(c, x).Data())
	large, err := nn.ForImages(enc, 16, 16)
	require.NoError(t, err)
	for i, p := range enc.Params() {
		assert.Same(t, p, large.Params()[i])
	}
	// Pixels doubled in both directions: without padding all sums would be equal. The
	// layer of our own adds the same number to all four.
	before, after := nn.NewCapture("mid", "sum", "inner"), nn.NewCapture("mid", "sum", "inner")
	enc.Forward(&nn.Context{Tape: tp, Taps: before}, x)
	large.Forward(&nn.Context{Tape: tp, Taps: after}, images("large", 2, 16, 16))
	assert.Equal(t, []int{2, 16, 16, 4}, after.Outputs["inner"].Shape())
	added := func(k *nn.Capture) *tensor.Tensor { // what the layer added
		return tp.Add(k.Outputs["inner"], tp.Scale(tp.Add(k.Outputs["sum"], tp.Scale(k.Outputs["mid"], -1)), -1))
	}
	a, b := added(before).Data(), added(after).Data()
	for y := range 16 {
		for x := range 16 {
			for ch := range 4 {
				assert.InDelta(t, a[(y/2*8+x/2)*4+ch], b[(y*16+x)*4+ch], 1e-5)
			}
		}
	}
	_, err = nn.Fresh(large, 1)
	assert.ErrorContains(t, err, "found one of ForImages")
}

// Copies share nothing, fresh ones have other weights, and files hold everything.
func TestOwnEncoderIsCopiedAndSaved(t *testing.T) {
	enc := ownEncoder(t, 1)
	hash := nn.Hash(enc.Params())
	twin, err := nn.CloneEncoder(enc)
	require.NoError(t, err)
	assert.Equal(t, hash, nn.Hash(twin.Params()))
	assert.Equal(t, enc.Taps(), twin.Taps())
	fresh, err := nn.Fresh(enc, 2)
	require.NoError(t, err)
	assert.NotEqual(t, hash, nn.Hash(fresh.Params()))
	assert.Equal(t, nn.Hash(ownEncoder(t, 2).Params()), nn.Hash(fresh.Params()))

	file := filepath.Join(t.TempDir(), "own.safetensors")
	require.NoError(t, weights.Save(file, enc.Params(), nil))
	for _, p := range twin.Params() {
		p.Value.Data()[0]++
	}
	assert.Equal(t, hash, nn.Hash(enc.Params()), "the copy has memory of its own")
	require.NoError(t, weights.Load(file, twin.Params()))
	assert.Equal(t, hash, nn.Hash(twin.Params()))
	loaded, err := weights.LoadEncoder(file, fresh.Params(), weights.Options{})
	require.NoError(t, err)
	assert.Empty(t, loaded.Note())
	assert.Equal(t, hash, nn.Hash(fresh.Params()))
}

// A vision transformer of other sizes than those of the registry is a TokenEncoder,
// which other encoders are not.
func TestOwnVisionTransformer(t *testing.T) {
	build := func(seed uint64) nn.Layer {
		return nn.Sequential{
			nn.NewPatchEmbed("patches", 3, 12, 4, seed),
			nn.NewEmbedTokens("places", 2, 3, 12, nn.PositionsLearned, seed),
			nn.NewViTBlock("block", 12, 2, 0, seed),
			&nn.TokenPool{Name: "pool", Mean: true},
		}
	}
	enc, err := nn.NewNetwork(build, []int{8, 12, 3}, 1)
	require.NoError(t, err)
	vit, ok := enc.(nn.TokenEncoder)
	require.True(t, ok)
	assert.Equal(t, nn.Grid{Height: 8, Width: 12, Rows: 2, Cols: 3, Side: 4, Channels: 3, Dim: 12}, vit.Grid())
	assert.Equal(t, []string{"patches", "places", "block"}, nn.LayerNames(enc))
	large, err := nn.ForImages(enc, 16, 8)
	require.NoError(t, err)
	assert.Equal(t, 4, large.(nn.TokenEncoder).Grid().Rows)
	c := &nn.Context{Tape: engine(t, 1).NewTape(tensor.Inference)}
	defer c.Tape.Release()
	x := images("vit", 2, 16, 8)
	big := large.(nn.TokenEncoder)
	assert.Equal(t, large.Forward(c, x).Data(), big.Pool(c, big.Encode(c, big.Embed(c, x))).Data())
	_, err = nn.ForImages(enc, 10, 12)
	assert.EqualError(t, err, "images of 10x12: found patches of 4 pixels, expected a side that divides both")
	_, ok = ownEncoder(t, 1).(nn.TokenEncoder)
	assert.False(t, ok)

	// Behind a stem of convolutions the positions are brought to the grid as well.
	hybrid, err := nn.NewNetwork(func(seed uint64) nn.Layer {
		stem := nn.NewConv2D("stem", nn.ConvConfig{In: 3, Out: 3, Kernel: 3, Stride: 2, Pad: 1}, seed)
		return append(nn.Sequential{stem}, build(seed).(nn.Sequential)...)
	}, []int{16, 24, 3}, 1)
	require.NoError(t, err)
	_, ok = hybrid.(nn.TokenEncoder)
	assert.False(t, ok, "tokens behind a convolution see other patches")
	other, err := nn.ForImages(hybrid, 24, 8)
	require.NoError(t, err)
	assert.Equal(t, []int{1 + 3, 12}, other.Taps()[2].Shape)
}

// layersOf makes a builder of the same layers, whatever the seed.
func layersOf(layers ...nn.Layer) func(uint64) nn.Layer {
	return func(uint64) nn.Layer { return nn.Sequential(layers) }
}

// silent is a layer whose parameter belongs to no tap.
type silent struct{ *places }

func (l silent) Plan(_ *nn.Plan, in []int) ([]int, error) { return in, nil }

func TestNewNetworkRefuses(t *testing.T) {
	image := []int{8, 8, 3}
	pool := &nn.GlobalPool{Name: "pool"}
	conv := nn.NewConv2D("conv", nn.ConvConfig{In: 3, Out: 3, Kernel: 3, Pad: 1}, 1)
	relu := &nn.ReLU{Name: "relu"}
	for want, c := range map[string]struct {
		build func(uint64) nn.Layer
		in    []int
	}{
		"found shape [8 0 3], expected [H,W,C]":                {layersOf(pool), []int{8, 0, 3}},
		"input: found shape [], expected":                      {layersOf(pool), nil},
		"input: found shape [1 8 8 3], expected":               {layersOf(pool), []int{1, 8, 8, 3}},
		"layers: found no function":                            {nil, image},
		"layers: found none":                                   {func(uint64) nn.Layer { return nil }, image},
		"output: found shape [8 8 3], expected [C]":            {layersOf(conv), image},
		"tap conv: found twice":                                {layersOf(conv, conv, pool), image},
		"tap relu: found twice":                                {layersOf(relu, relu, pool), image},
		"layer conv: input of shape [8 8 4], expected [H,W,3]": {layersOf(conv, pool), []int{8, 8, 4}},
		"parameter quiet.weight: found no tap":                 {layersOf(silent{newPlaces("quiet", 8, 8, 3)}, pool), image},
		"parameter p.weight: found twice": {
			layersOf(newPlaces("p", 8, 8, 3), silent{newPlaces("p", 8, 8, 3)}, pool), image},
		"layer conv: its 3x3 window does not fit into a map of": {
			layersOf(nn.NewConv2D("conv", nn.ConvConfig{In: 3, Out: 3, Kernel: 3}, 1), pool), []int{2, 2, 3}},
	} {
		_, err := nn.NewNetwork(c.build, c.in, 1)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, fmt.Sprintf("network on inputs of shape %v: ", c.in))
	}
	// A layer that is made for its size only says so.
	enc, err := nn.NewNetwork(layersOf(nn.NewLinear("fc", 3, 2, 1)), []int{3}, 1)
	require.NoError(t, err)
	_, err = nn.ForImages(enc, 8, 8)
	assert.ErrorContains(t, err, "found an encoder of inputs of shape [3], expected one of images")
	// What is built anew must be of the same kind.
	calls := 0
	enc, err = nn.NewNetwork(func(seed uint64) nn.Layer {
		calls++
		return nn.Sequential{pool, nn.NewLinear("fc", 3, 1+calls, seed)}
	}, image, 1)
	require.NoError(t, err)
	_, err = nn.CloneEncoder(enc)
	assert.ErrorContains(t, err, "fc.weight has shape [2 3], expected [3 3]")
	assert.PanicsWithValue(t, `nn: norm n: found kind "layer", expected batch or group`,
		func() { nn.NewNorm("n", "layer", 4) })
}

// Fresh and ForImages refuse an Encoder that is no network of this package.
func TestForeignEncoderTypesAreRefused(t *testing.T) {
	type foreign struct{ nn.Encoder }
	_, err := nn.Fresh(foreign{}, 1)
	assert.EqualError(t, err, "encoder: found a nn_test.foreign, expected one of NewEncoder or NewNetwork")
	_, err = nn.ForImages(foreign{}, 8, 8)
	assert.ErrorContains(t, err, "expected one of NewEncoder or NewNetwork")
}

func TestRegisterEncoder(t *testing.T) {
	build := func(o nn.EncoderOptions, seed uint64) nn.Layer {
		return nn.Sequential{
			nn.NewConv2D("conv", nn.ConvConfig{In: o.InC, Out: o.Channels(4), Kernel: 1}, seed),
			&nn.GlobalPool{Name: o.Pool + o.Stem + o.Norm + o.Positions},
		}
	}
	t.Cleanup(func() { nn.Unregister("test-own") })
	nn.RegisterEncoder("test-own", nn.Architecture{
		Pools: []string{"avg"}, Stems: []string{"s", "t"}, Norms: []string{"n"},
		AutoStem: func(o nn.EncoderOptions) string { return map[bool]string{true: "t", false: "s"}[o.InH > 40] },
		DropPath: true, Build: build,
		Groups: []nn.TapGroup{{Name: "own", Rows: []nn.GroupRow{{Label: "first", Tap: "conv"}}}},
	})
	assert.Equal(t, "test-own", nn.EncoderNames()[len(nn.EncoderNames())-1])
	assert.Equal(t, []string{"s", "t"}, nn.Stems("test-own"))
	assert.True(t, nn.TakesDropPath("test-own"))
	assert.False(t, nn.TakesDropPath("resnet9"))
	assert.Nil(t, nn.Positions("test-own"))
	for side, pool := range map[int]string{32: "avgsn", 64: "avgtn"} {
		enc, err := nn.NewEncoder("test-own", nn.EncoderOptions{InH: side, Stem: "auto", DropPath: .1}, 1)
		require.NoError(t, err)
		assert.Equal(t, pool, enc.Taps()[1].Name)
	}
	for want, o := range map[string]nn.EncoderOptions{
		`stem: found "u", expected auto, s, t`:         {Stem: "u"},
		`positions: found "sine", expected auto`:       {Positions: "sine"},
		"depth: found 2, expected 0: this encoder has": {Depth: 2},
	} {
		_, err := nn.NewEncoder("test-own", o, 1)
		assert.ErrorContains(t, err, want)
	}
	g, err := nn.FindTapGroup("OWN")
	require.NoError(t, err)
	assert.Equal(t, "test-own", g.Encoder)

	assert.PanicsWithValue(t, `nn: RegisterEncoder: found "resnet9" twice, expected another name`,
		func() { nn.RegisterEncoder("resnet9", nn.Architecture{Build: build}) })
	assert.PanicsWithValue(t, "nn: RegisterEncoder: found no name, expected one",
		func() { nn.RegisterEncoder("", nn.Architecture{Build: build}) })
	assert.PanicsWithValue(t, "nn: RegisterEncoder: test-none: found no Build, expected a function",
		func() { nn.RegisterEncoder("test-none", nn.Architecture{}) })
}
