package nn_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/tensor"
)

// geometryValues gives parameters the values of make_geometry.py.
func geometryValues(params []*nn.Param) {
	for _, p := range params {
		u := tensor.FromSlice(testutil.Uniform(p.Name, p.Value.Len()), p.Value.Shape()...)
		shape := p.Value.Shape()
		if len(shape) == 4 {
			shape = []int{shape[3], shape[2], shape[0], shape[1]}
			u = tensor.FromSlice(u.Data(), shape...)
		}
		fanIn := 1
		for _, d := range shape[1:] {
			fanIn *= d
		}
		weight := strings.HasSuffix(p.Name, ".weight")
		for i, v := range u.Data() {
			switch {
			case strings.HasSuffix(p.Name, ".gamma"):
			case strings.HasSuffix(p.Name, ".running_var"), weight && len(shape) == 1:
				v = 1 + v/2
			case weight:
				v *= float32(1 / math.Sqrt(float64(fanIn)))
			default:
				v /= 4
			}
			u.Data()[i] = v
		}
		if len(shape) == 4 {
			u = weights.FromOIHW(u)
		}
		p.Value.CopyFrom(u.Data())
	}
}

// Networks with facts that weights do not tell have the features of transcriptions in
// float64, and the facts matter: with others the features are far off.
func TestGeometryIsPyTorchs(t *testing.T) {
	b, err := os.ReadFile("testdata/geometry.json")
	require.NoError(t, err)
	var want map[string][][]float64
	require.NoError(t, json.Unmarshal(b, &want))
	pad := func(n int) nn.Geometry { return nn.Geometry{StemPad: &n} }
	cases := map[string]nn.EncoderOptions{
		"resnet18": {}, "padding 2": {Geometry: pad(2)}, "padding 0": {Geometry: pad(0)},
		"max pool": {Geometry: nn.Geometry{StemPool: nn.StemPoolMax}},
		"stride 2": {Geometry: nn.Geometry{StemStride: 2}}, "imagenet without pool": {Stem: nn.StemImageNet,
			Geometry: nn.Geometry{StemPool: nn.StemPoolNone}},
		"eps 1e-3": {Geometry: nn.Geometry{NormEps: 1e-3}},
		"vit":      {}, "vit, 6 heads": {Geometry: nn.Geometry{Heads: 6}},
		"vit, eps 1e-2":            {Geometry: nn.Geometry{NormEps: 1e-2}},
		"vit, fc_norm of the mean": {Pool: "avg", Geometry: nn.Geometry{FCNorm: true}},
		"vit, layer scale":         {Geometry: nn.Geometry{LayerScale: 1}},
		"vit, 3 registers":         {Geometry: nn.Geometry{Registers: 3}}, "vit, 3 registers, mean": {Pool: "avg",
			Geometry: nn.Geometry{Registers: 3}},
		"vit, positions of 6 x 6": {Geometry: nn.Geometry{PositionsSize: 24}},
		"vit, all": {Pool: "avg", Geometry: nn.Geometry{Heads: 4, NormEps: 1e-12, FCNorm: true,
			LayerScale: 1, Registers: 2, PositionsSize: 12}},
	}
	require.Len(t, want, len(cases))
	e, err := tensor.NewEngine(tensor.Options{})
	require.NoError(t, err)
	defer e.Close()
	images := testutil.Uniform("images", 3*16*16*3)
	for name, o := range cases {
		network, base := "resnet18", "resnet18"
		o.Width, o.InH, o.InW = 1./16, 16, 16
		x := slices.Clone(images)
		if strings.HasPrefix(name, "vit") {
			network, base, o.Depth = "vit_tiny_patch4", "vit", 2
		}
		if name == "vit, eps 1e-2" {
			for i := range x {
				x[i] *= 1e-3
			}
		}
		enc, err := nn.NewEncoder(network, o, 1)
		require.NoError(t, err, name)
		geometryValues(enc.Params())
		tp := e.NewTape(tensor.Inference)
		y := enc.Forward(&nn.Context{Tape: tp}, tensor.FromSlice(x, 3, 16, 16, 3)).Data()
		require.Len(t, want[name], 3)
		off, scale, apart := 0.0, 0.0, 0.0
		for i, row := range want[name] {
			require.Len(t, row, enc.OutDim(), name)
			for j, v := range row {
				off, scale = max(off, math.Abs(v-float64(y[i*enc.OutDim()+j]))), max(scale, math.Abs(v))
				apart = max(apart, math.Abs(v-want[base][i][j]))
			}
		}
		t.Logf("%-26s largest error %.1e of %.2f, from the usual %.1e", name, off/scale, scale, apart/scale)
		assert.LessOrEqual(t, off/scale, 5e-6, name)
		if name != base {
			assert.Greater(t, apart/scale, 1e-4, name)
		}
		tp.Release()
	}
}

// A vision transformer of every such fact is trained: its new parameters get gradients,
// and other sizes and clones have them.
func TestGeometryIsTrained(t *testing.T) {
	g := nn.Geometry{Heads: 6, FCNorm: true, LayerScale: .1, Registers: 2, PositionsSize: 24}
	enc, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Width: 1. / 16, Depth: 1, InH: 16, InW: 16,
		Pool: "avg", Geometry: g}, 1)
	require.NoError(t, err)
	e, err := tensor.NewEngine(tensor.Options{})
	require.NoError(t, err)
	defer e.Close()
	tp := e.NewTape(tensor.Mode{Train: true, Grad: true})
	defer tp.Release()
	y := enc.Forward(&nn.Context{Tape: tp}, tensor.FromSlice(testutil.Uniform("images", 2*16*16*3), 2, 16, 16, 3))
	tp.Backward(tp.Sum(tp.GELU(y)))
	for _, p := range nn.Trained(enc.Params()) {
		require.NotNil(t, p.Value.Grad(), p.Name)
		notZero := slices.ContainsFunc(p.Value.Grad().Data(), func(v float32) bool { return v != 0 })
		assert.True(t, notZero || p.Name == "cls_token", "gradient of %s", p.Name)
	}
	clone, err := nn.CloneEncoder(enc)
	require.NoError(t, err)
	assert.Equal(t, nn.Hash(enc.Params()), nn.Hash(clone.Params()))
	other, err := nn.ForImages(enc, 8, 12)
	require.NoError(t, err)
	assert.Equal(t, []int{1 + 2 + 6, 12}, other.Taps()[1].Shape)
	back, err := nn.ForImages(other, 24, 24)
	require.NoError(t, err)
	assert.Equal(t, []int{1 + 2 + 36, 12}, back.Taps()[1].Shape)
}

// What is assumed is said in one line.
func TestAssumed(t *testing.T) {
	two := 2
	for want, c := range map[string]struct {
		name string
		o    nn.EncoderOptions
	}{
		"conv1 3x3 stride 1 padding 1, no pool; batch norm eps 1e-05; features: the mean of the last map": {"resnet18",
			nn.EncoderOptions{}},
		"conv1 3x3 stride 1 padding 2, 3x3 max pool of stride 2; stride of a block on its 3x3 convolution; group norm " +
			"eps 1e-05; features: the largest of the last map": {
			"resnet50", nn.EncoderOptions{Pool: "max", Norm: nn.NormGroup, Geometry: nn.Geometry{StemPad: &two,
				StemPool: nn.StemPoolMax}}},
		"conv1 7x7 stride 2 padding 3, 3x3 max pool of stride 2; batch norm eps 1e-05; " +
			"features: the mean of the last map": {
			"resnet34", nn.EncoderOptions{InH: 224, InW: 224}},
		"conv1 3x3 stride 1 padding 1; batch norm eps 1e-05; features: the largest of the last map": {
			"resnet9", nn.EncoderOptions{}},
		"6 heads; layer norm eps 1e-06; GELU by erf; features: the class token behind the final norm": {
			"vit_small_patch4", nn.EncoderOptions{}},
	} {
		line, err := nn.Assumed(c.name, c.o)
		require.NoError(t, err)
		assert.Equal(t, want, line)
	}
	_, err := nn.Assumed("vgg", nn.EncoderOptions{})
	assert.ErrorContains(t, err, `encoder: found "vgg"`)
}

// Registered encoders get the facts that they declare, with their usual values where
// none were given, and refuse others.
func TestGeometryOfRegisteredEncoders(t *testing.T) {
	var got nn.EncoderOptions
	build := func(o nn.EncoderOptions, seed uint64) nn.Layer {
		got = o
		return nn.Sequential{
			nn.NewConv2D("conv", nn.ConvConfig{In: o.InC, Out: 4, Kernel: 3, Pad: *o.StemPad, Stride: o.StemStride}, seed),
			o.NewNorm("norm", 4), &nn.GlobalPool{Name: "pool"},
		}
	}
	t.Cleanup(func() { nn.Unregister("test-facts"); nn.Unregister("test-plain") })
	nn.RegisterEncoder("test-facts", nn.Architecture{
		Pools: []string{"avg"}, Norms: []string{nn.NormBatch, nn.NormGroup},
		Stems: []string{nn.StemImageNet}, StemGeometry: true, NormEps: 1e-4, Build: build,
	})
	nn.RegisterEncoder("test-plain", nn.Architecture{Build: build})
	_, err := nn.NewEncoder("test-facts", nn.EncoderOptions{}, 1)
	require.NoError(t, err)
	pad := 3
	assert.Equal(t, nn.Geometry{StemPad: &pad, StemStride: 2, StemPool: nn.StemPoolMax, NormEps: 1e-4}, got.Geometry)
	pad = 1
	enc, err := nn.NewEncoder("test-facts", nn.EncoderOptions{Norm: nn.NormGroup, Geometry: nn.Geometry{StemPad: &pad,
		StemStride: 4, StemPool: nn.StemPoolNone, NormEps: .5}}, 1)
	require.NoError(t, err)
	assert.Equal(t, []int{8, 8, 4}, enc.Taps()[0].Shape)
	assert.Equal(t, nn.Geometry{StemPad: &pad, StemStride: 4, StemPool: nn.StemPoolNone, NormEps: .5}, got.Geometry)
	line, err := nn.Assumed("test-facts", nn.EncoderOptions{})
	require.NoError(t, err)
	assert.Equal(t, "the layers registered as test-facts; norm eps 0.0001; pool avg", line)
	for want, g := range map[string]nn.Geometry{
		"norm eps: found 0.1, expected 0: test-plain has": {NormEps: .1},
		"test-plain has a stem of its own":                {StemStride: 1},
		"test-plain is no vision transformer":             {Registers: 1},
	} {
		_, err := nn.NewEncoder("test-plain", nn.EncoderOptions{Geometry: g}, 1)
		assert.ErrorContains(t, err, want)
	}
}

// With fc_norm behind the pool a vision transformer is a TokenEncoder too. Registers that
// would need too large a matrix of positions are refused before it is made.
func TestGeometryOfTokenEncoders(t *testing.T) {
	enc, err := nn.NewEncoder("vit_tiny_patch14", nn.EncoderOptions{Width: 1. / 16, Depth: 1, InH: 28, InW: 28,
		Geometry: nn.Geometry{FCNorm: true}}, 1)
	require.NoError(t, err)
	vit, ok := enc.(nn.TokenEncoder)
	require.True(t, ok)
	c := &nn.Context{Tape: engine(t, 1).NewTape(tensor.Inference)}
	defer c.Tape.Release()
	x := tensor.FromSlice(testutil.Uniform("images", 2*28*28*3), 2, 28, 28, 3)
	assert.Equal(t, enc.Forward(c, x).Data(), vit.Pool(c, vit.Encode(c, vit.Embed(c, x))).Data())
	for _, g := range []nn.Geometry{{PositionsSize: 4096}, {Registers: 1}} {
		_, err = nn.NewEncoder("vit_tiny_patch2", nn.EncoderOptions{Width: 1. / 16, Depth: 1, InH: 256, InW: 256,
			Geometry: g}, 1)
		assert.ErrorContains(t, err, "a matrix makes positions of positions")
	}
}
