package ssl

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// maeGolden is what make_mae.py says about a file.
type maeGolden struct {
	Timm, Encoder, Positions string
	N, H, W, Channels, Depth int
	Heads, DecoderDim        int
	DecoderDepth             int
	Ratio                    float64
	NormPix                  bool
	Visible                  [][]int
	Parameters               []string
	Float32                  struct{ Loss, Pred, Features, Grad float64 }
}

// setTransformer gives the parameters the values of the function fill of make_mae.py.
func setTransformer(params []*nn.Param) {
	fanIn := 1
	for _, param := range params {
		if param.Buffer {
			continue
		}
		name, v := param.Name, param.Value
		shape, out := v.Shape(), make([]float32, v.Len())
		norm, weight := strings.Contains(name, "norm"), strings.HasSuffix(name, "weight")
		if weight && !norm {
			fanIn = v.Len() / shape[0]
			if len(shape) == 4 {
				fanIn = v.Len() / shape[3]
			}
		}
		bound := float32(1 / math.Sqrt(float64(fanIn)))
		for i, u := range testutil.Uniform(name, v.Len()) {
			switch {
			case norm && weight:
				out[i] = 1 + u/2
			case norm, name == "cls_token", name == "pos_embed", name == "mask_token":
				out[i] = u / 4
			case len(shape) == 4: // OIHW to HWIO
				area, in := shape[0]*shape[1], shape[2]
				o, c, at := i/(area*in), i/area%in, i%area
				out[(at*in+c)*shape[3]+o] = u * bound
			default:
				out[i] = u * bound
			}
		}
		v.CopyFrom(out)
	}
}

// goldenMAE builds the network of a golden file with its masks.
func goldenMAE(t *testing.T, about *maeGolden) *MAE {
	enc, err := nn.NewEncoder(about.Encoder, nn.EncoderOptions{Width: 1. / 8, Depth: about.Depth, Positions: about.Positions,
		InH: about.H, InW: about.W, InC: about.Channels}, 1)
	require.NoError(t, err)
	m, err := made[*MAE]("mae", MAEConfig{MaskRatio: about.Ratio, NormPix: about.NormPix,
		DecoderDepth: about.DecoderDepth, DecoderDim: about.DecoderDim, DecoderHeads: about.Heads}, Setup{Encoder: enc, Seed: 1})
	require.NoError(t, err)
	setTransformer(m.Params())
	m.masks.resize(about.N)
	for row, visible := range about.Visible {
		require.Len(t, visible, m.masks.visible)
		var hidden []int
		for p := range enc.(nn.TokenEncoder).Grid().Patches() {
			if !slices.Contains(visible, p) {
				hidden = append(hidden, p)
			}
		}
		m.masks.set(row, slices.Clone(visible), hidden)
	}
	return m
}

// TestMAEMatchesPyTorch compares a step of small masked autoencoders with timm's
// parts put together as facebookresearch/mae is, in float64: loss, predictions,
// features of the visible patches, every gradient.
func TestMAEMatchesPyTorch(t *testing.T) {
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			for _, file := range []string{"mae_norm", "mae_raw"} {
				checkMAE(t, e, file)
			}
		})
	}
}

func checkMAE(t *testing.T, e *tensor.Engine, file string) {
	g := testutil.OpenGolden(t, "testdata/"+file+".npz")
	var about maeGolden
	g.About(&about)
	m := goldenMAE(t, &about)
	pixels := testutil.NetImages("images/a", about.N, about.H, about.W, about.Channels)
	x := tensor.FromSlice(pixels, about.N, about.H, about.W, about.Channels)
	tp := e.NewTape(tensor.Training)
	defer tp.Release()
	seen := nn.NewCapture(ProjectionTap)
	loss, predictions := m.reconstruct(&nn.Context{Tape: tp, Taps: seen}, x, m.masks)

	var worst struct{ loss, pred, features, grad float64 }
	want := g.Float64("loss")[0]
	worst.loss = math.Abs(float64(loss.Item())/want - 1)
	assert.LessOrEqual(t, worst.loss, 2e-6, "loss")
	literal := literalMAE(predictions.Data(), pixels, m.encoder.Grid(), m.masks.patches, about.NormPix)
	assert.InEpsilon(t, literal, float64(loss.Item()), 1e-6, "the paper's loss of these predictions")
	pred, shape := g.Float32("pred")
	require.Equal(t, shape, predictions.Shape())
	worst.pred = testutil.MaxError(predictions.Data(), pred)
	assert.LessOrEqual(t, worst.pred, 1e-5, "predictions")
	features, _ := g.Float32("features")
	worst.features = testutil.MaxError(seen.Outputs[ProjectionTap].Data(), features)
	assert.LessOrEqual(t, worst.features, 1e-5, "features")

	tp.Backward(loss)
	rows, shape := g.Float32("grad")
	byName := map[string][]float32{}
	for i, name := range about.Parameters {
		byName[name] = rows[i*shape[1] : (i+1)*shape[1]]
	}
	trained := nn.Trained(m.Params())
	require.Len(t, trained, len(about.Parameters))
	for _, p := range trained {
		require.Contains(t, byName, p.Name)
		want := make([]float64, shape[1])
		for i, v := range byName[p.Name] {
			want[i] = float64(v)
		}
		off := testutil.SummaryError("grad/"+p.Name, p.Value.Grad().Data(), want)
		assert.LessOrEqual(t, off, 5e-6, "gradient of %s", p.Name)
		worst.grad = max(worst.grad, off)
	}
	t.Logf("%s: off by %.1e (loss) %.1e (predictions) %.1e (features) %.1e (gradients); PyTorch's float32: %.1e %.1e %.1e %.1e", file,
		worst.loss, worst.pred, worst.features, worst.grad, about.Float32.Loss, about.Float32.Pred, about.Float32.Features, about.Float32.Grad)
}

// literalMAE is the loss of section 3 of the paper in float64, pixel by pixel:
// the mean over the hidden patches of the mean square error of a patch.
func literalMAE(predictions, images []float32, g nn.Grid, hidden [][]int, normPix bool) float64 {
	size := g.Side * g.Side * g.Channels
	sum, count := 0.0, 0
	for n, patches := range hidden {
		for k, patch := range patches {
			row, col := patch/g.Cols*g.Side, patch%g.Cols*g.Side
			var target []float64
			for y := range g.Side {
				for x := range g.Side {
					for c := range g.Channels {
						target = append(target, float64(images[((n*g.Height+row+y)*g.Width+col+x)*g.Channels+c]))
					}
				}
			}
			if normPix {
				mean, v := 0.0, 0.0
				for _, t := range target {
					mean += t / float64(size)
				}
				for _, t := range target {
					v += (t - mean) * (t - mean) / float64(size-1)
				}
				for i := range target {
					target[i] = (target[i] - mean) / math.Sqrt(v+1e-6)
				}
			}
			mse := 0.0
			for i, t := range target {
				d := float64(predictions[(n*len(patches)+k)*size+i]) - t
				mse += d * d / float64(size)
			}
			sum += mse
			count++
		}
	}
	return sum / float64(count)
}
