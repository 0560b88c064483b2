package nn_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// vitGolden is what make_vit.py says about a file.
type vitGolden struct {
	Encoder, Pool, Positions string
	Width                    float64
	N, H, W, Channels, Depth int
	Float32                  struct{ Taps, Grad float64 }
	Taps, Parameters         []string
}

// vitParams gives the parameters of a vision transformer the values of the
// function fill of make_vit.py.
type vitParams struct{ fanIn int }

func (p *vitParams) set(param *nn.Param) {
	v := param.Value
	if param.Buffer {
		return
	}
	out := make([]float32, v.Len())
	u := testutil.Uniform(param.Name, v.Len())
	shape := v.Shape()
	if strings.HasSuffix(param.Name, "weight") {
		p.fanIn = v.Len() / shape[0]
		if len(shape) == 4 {
			p.fanIn = v.Len() / shape[3]
		}
	}
	bound := float32(1 / math.Sqrt(float64(max(p.fanIn, 1))))
	for i, x := range u {
		switch {
		case strings.Contains(param.Name, "norm") && strings.HasSuffix(param.Name, "weight"):
			out[i] = 1 + x/2
		case strings.Contains(param.Name, "norm"), param.Name == "cls_token", param.Name == "pos_embed":
			out[i] = x / 4
		case len(shape) == 4: // OIHW to HWIO
			area, in := shape[0]*shape[1], shape[2]
			o, c, at := i/(area*in), i/area%in, i%area
			out[(at*in+c)*shape[3]+o] = x * bound
		default:
			out[i] = x * bound
		}
	}
	v.CopyFrom(out)
}

// TestViTsMatchTimm runs narrow vision transformers on timm's parameters and
// images: every tap, the loss and every gradient, in training and in evaluation
// mode, which are the same. With -v its log is part of docs/encoders.md.
func TestViTsMatchTimm(t *testing.T) {
	files, err := filepath.Glob("testdata/vit_*.npz")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			t.Logf("%-24s %-5s %9s %9s   (PyTorch's float32: %s, %s)", "network", "mode", "forward", "gradient", "forward",
				"gradient")
			for _, file := range files {
				g := testutil.OpenGolden(t, file)
				var about vitGolden
				g.About(&about)
				for _, mode := range []string{"train", "eval"} {
					forward, gradient := checkViT(t, e, g, &about, mode == "train")
					t.Logf("%-24s %-5s %9.1e %9.1e   (%.1e, %.1e)", strings.TrimSuffix(filepath.Base(file), ".npz"), mode,
						forward, gradient, about.Float32.Taps, about.Float32.Grad)
				}
			}
		})
	}
}

func checkViT(t *testing.T, e *tensor.Engine, g *testutil.Golden, about *vitGolden, train bool) (forward,
	gradient float64) {
	enc, err := nn.NewEncoder(about.Encoder, nn.EncoderOptions{Width: about.Width, Pool: about.Pool,
		Positions: about.Positions,
		InH:       about.H, InW: about.W, InC: about.Channels}, 1)
	require.NoError(t, err)
	var values vitParams
	var trained []string
	for _, p := range enc.Params() {
		values.set(p)
		if !p.Buffer {
			trained = append(trained, p.Name)
		}
	}
	require.ElementsMatch(t, about.Parameters, trained)
	x := tensor.FromSlice(testutil.NetImages("images/a", about.N, about.H, about.W, about.Channels), about.N, about.H,
		about.W, about.Channels)
	head := tensor.FromSlice(testutil.Uniform("head", 5*enc.OutDim()), 5, enc.OutDim())
	targets := make([]int, about.N)
	for i := range targets {
		targets[i] = i % 5
	}
	tp := e.NewTape(tensor.Mode{Train: train, Grad: true})
	defer tp.Release()
	taps := nn.NewCapture()
	y := enc.Forward(&nn.Context{Tape: tp, Taps: taps}, x)
	require.Equal(t, about.Taps, taps.Order)
	check := rows(t, g, "taps", about.Taps, resNetForward, &forward)
	for i, info := range enc.Taps() {
		assert.Equal(t, about.Taps[i], info.Name, "order")
		assert.Equal(t, append([]int{about.N}, info.Shape...), taps.Outputs[info.Name].Shape(), info.Name)
		check(info.Name, taps.Outputs[info.Name])
	}
	loss := tp.SoftmaxCrossEntropy(tp.MatMul(y, head, false, true), targets)
	rows(t, g, "loss", []string{"loss"}, resNetForward, &forward)("loss", tensor.FromSlice([]float32{loss.Item()}, 1))
	tp.Backward(loss)
	check = rows(t, g, "grad", about.Parameters, resNetGradient, &gradient)
	for _, p := range nn.Trained(enc.Params()) {
		check(p.Name, p.Value.Grad())
	}
	for _, p := range enc.Params() { // gradients add up in the next pass
		if p.Value.Grad() != nil {
			p.Value.ZeroGrad()
		}
	}
	return forward, gradient
}

// The names and shapes of timm's full models are ours, of which two blocks are
// enough.
func TestViTNamesAreTimms(t *testing.T) {
	b, err := os.ReadFile("testdata/vit_names.json")
	require.NoError(t, err)
	var timm struct{ Models map[string]map[string][]int }
	require.NoError(t, json.Unmarshal(b, &timm))
	require.NotEmpty(t, timm.Models)
	for name, want := range timm.Models {
		enc, err := nn.NewEncoder(name, nn.EncoderOptions{InH: 224, InW: 224, Depth: 2}, 1)
		require.NoError(t, err)
		got := map[string][]int{}
		for _, p := range enc.Params() {
			shape := p.Value.Shape()
			if len(shape) == 4 {
				shape = []int{shape[3], shape[2], shape[0], shape[1]}
			}
			block, rest, inBlock := 0, "", false
			if n, _ := fmt.Sscanf(p.Name, "blocks.%d.", &block); n == 1 {
				inBlock, rest = true, p.Name[strings.Index(p.Name[7:], ".")+8:]
			}
			if inBlock && block > 0 {
				assert.Equal(t, want["blocks.0."+rest], shape, "%s: %s", name, p.Name)
				continue
			}
			got[p.Name] = shape
		}
		assert.Equal(t, want, got, name)
	}
}

func TestViTOptions(t *testing.T) {
	enc, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{}, 1)
	require.NoError(t, err)
	assert.Equal(t, 192, enc.OutDim())
	assert.Equal(t, []int{65, 192}, enc.Taps()[1].Shape)
	counted := 0
	for _, tap := range enc.Taps() {
		counted += tap.Params
	}
	assert.Equal(t, nn.Count(enc.Params()), counted, "every parameter belongs to a tap")
	for what, o := range map[string]nn.EncoderOptions{
		"pool: found \"max\", expected auto, token, avg":              {Pool: "max"},
		"positions: found \"none\", expected auto, learned, sine":     {Positions: "none"},
		"drop path: found 1, expected at least 0 and less than 1":     {DropPath: 1},
		"does not fit into a map of 3x32":                             {InH: 3},
		"stem: found \"cifar\", expected auto":                        {Stem: "cifar"},
		"depth: found -1, expected 1 to 1000, or 0 for the usual":     {Depth: -1},
		"width factor: found -1, expected more than 0 and at most 16": {Width: -1},
	} {
		_, err := nn.NewEncoder("vit_tiny_patch4", o, 1)
		assert.ErrorContains(t, err, what)
	}
	_, err = nn.NewEncoder("resnet9", nn.EncoderOptions{DropPath: .1}, 1)
	assert.ErrorContains(t, err, "they are for vision transformers")
}

// Drop-path is a pure function of seed, step and pass, leaves out about the
// share it is told, and keeps the mean.
func TestDropPath(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{})
	require.NoError(t, err)
	defer e.Close()
	enc, err := nn.NewEncoder("vit_tiny_patch8", nn.EncoderOptions{Width: 1. / 16, DropPath: .5, Depth: 3}, 1)
	require.NoError(t, err)
	x := tensor.FromSlice(testutil.Uniform("x", 400*32*32*3), 400, 32, 32, 3)
	run := func(m tensor.Mode, n *nn.Noise) (add, before []float32) {
		tp := e.NewTape(m)
		defer tp.Release()
		taps := nn.NewCapture("blocks.1", "blocks.2.add1")
		enc.Forward(&nn.Context{Tape: tp, Taps: taps, Noise: n}, x)
		return append(add, taps.Outputs["blocks.2.add1"].Data()...), append(before, taps.Outputs["blocks.1"].Data()...)
	}
	a, before := run(tensor.Training, &nn.Noise{Seed: 1})
	again, _ := run(tensor.Training, &nn.Noise{Seed: 1})
	assert.Equal(t, a, again)
	for _, other := range []nn.Noise{{Seed: 2}, {Seed: 1, Step: 1}, {Seed: 1, Pass: 1}} {
		b, _ := run(tensor.Training, &other)
		assert.NotEqual(t, a, b, "%+v", other)
	}
	dropped, size := 0, len(a)/400
	for i := range 400 {
		same := true
		for j := i * size; j < (i+1)*size; j++ {
			same = same && a[j] == before[j]
		}
		if same {
			dropped++
		}
	}
	assert.InDelta(t, 200, dropped, 40, "the last block is left out for half of the samples")
	plain, _ := run(tensor.Inference, &nn.Noise{Seed: 1})
	none, _ := run(tensor.Training, nil)
	assert.Equal(t, plain, none, "only training drops")
}
