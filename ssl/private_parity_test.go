package ssl

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// privateGolden is what make_private.py says about a network.
type privateGolden struct {
	maeGolden
	Classes  int
	Clip     float64
	Expected float64
}

// fixedMasks is a masked autoencoder whose masks are given.
type fixedMasks struct{ *MAE }

func (m fixedMasks) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	from, to := int(c.Noise.Row), int(c.Noise.Row)+views[0].Dim(0)
	loss, _ := m.reconstruct(c, views[0], &masks{kept: m.masks.kept[from:to], hidden: m.masks.hidden[from:to], patches: m.masks.patches[from:to]})
	return loss
}

// TestPrivateStepMatchesPyTorch compares the sum of shortened gradients with that of
// PyTorch's, one image after the other: in one part and in several.
func TestPrivateStepMatchesPyTorch(t *testing.T) {
	g := testutil.OpenGolden(t, "testdata/private.npz")
	var about struct{ MAE, ResNet privateGolden }
	g.About(&about)
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			for _, part := range []int{64, 2} {
				mae := goldenMAE(t, &about.MAE.maeGolden)
				checkPrivateStep(t, e, g, "mae", fixedMasks{mae}, &about.MAE, part, func(pixels []float32, n int) {
					size := len(pixels) / n
					for i := range pixels { // images of other contrasts have gradients of other lengths
						pixels[i] *= .2 + float32(i/size)/4
					}
				})
				enc, err := nn.NewEncoder("resnet18", nn.EncoderOptions{Width: .125, Norm: nn.NormGroup, InH: 16, InW: 16}, 1)
				require.NoError(t, err)
				m, err := made[*Supervised]("supervised", nil, Setup{Encoder: enc, Classes: about.ResNet.Classes, Seed: 1})
				require.NoError(t, err)
				var values testutil.NetParams
				for _, p := range m.Params() {
					p.Value.CopyFrom(values.Next(p.Name, p.Value.Shape()))
				}
				checkPrivateStep(t, e, g, "resnet", m, &about.ResNet, part, nil)
			}
		})
	}
}

func checkPrivateStep(t *testing.T, e *tensor.Engine, g *testutil.Golden, name string, m Method, about *privateGolden, part int, change func([]float32, int)) {
	n := about.N
	pixels := testutil.NetImages("images/a", n, about.H, about.W, 3)
	if change != nil {
		change(pixels, n)
	}
	size := len(pixels) / n
	norms := g.Float64(name + "/norms")
	longer := 0
	for _, v := range norms {
		if v > about.Clip*(1+1e-6) {
			longer++
		}
	}
	require.Positive(t, longer)
	require.Less(t, longer, n)
	sgd, err := optim.NewSGD(e, m.Params(), optim.SGDConfig{})
	require.NoError(t, err)
	r, err := privateStep(StepConfig{Tape: e.NewTape(tensor.Training), Method: m, Optimizer: sgd, LR: 0, Noise: &nn.Noise{}, Steps: 1}, privateBatch{&Private{Clip: about.Clip, most: part}, n, about.Expected, func(from, to int) []*tensor.Tensor {
		if s, ok := m.(*Supervised); ok {
			var labels []int
			for i := from; i < to; i++ {
				labels = append(labels, i%about.Classes)
			}
			s.SetLabels(labels)
		}
		return []*tensor.Tensor{tensor.FromSlice(pixels[from*size:to*size], to-from, about.H, about.W, 3)}
	}})
	require.NoError(t, err)
	// The median itself may be shortened by rounding.
	assert.Contains(t, []int{longer, longer + 1}, r.Clipped)
	rows, shape := g.Float32(name + "/grad")
	at := map[string]int{}
	for i, p := range about.Parameters {
		at[p] = i
	}
	trained := nn.Trained(m.Params())
	require.Len(t, trained, len(about.Parameters))
	worst := 0.0
	for _, p := range trained {
		require.Contains(t, at, p.Name)
		want := make([]float64, shape[1])
		for i := range want {
			want[i] = float64(rows[at[p.Name]*shape[1]+i])
		}
		off := testutil.SummaryError("grad/"+p.Name, p.Value.Grad().Data(), want)
		assert.LessOrEqual(t, off, 2e-5, "gradient of %s", p.Name)
		worst = max(worst, off)
	}
	t.Logf("%s in parts of %d: off by %.1e", name, part, worst)
}
