package ssl

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// goldenOptions are the settings of make_methods.py.
func goldenOptions(name string) (method string, o allSettings) {
	o = allSettings{
		Temperature: .3, Projector: []int{20, 12}, Predictor: []int{10}, EMA: .9, EMASchedule: "constant",
		Queue: 20, BNSplits: 2, Symmetric: true, Lambda: .02, LossScale: .1, Invariance: 25, Variance: 25, Covariance: 1,
		Prototypes: 14, TeacherTemperature: .05, CentreMomentum: .9,
	}
	switch name {
	case "byol":
		o.EMASchedule = "cosine"
	case "dino":
		o.EMASchedule, o.ProjectorBN = "cosine", true
	case "mocov2_asymmetric":
		o.Symmetric = false
		return "mocov2", o
	case "dino_multicrop", "dino_multicrop_vit":
		o.EMASchedule, o.ProjectorBN = "cosine", true
		o.LocalCrops = 3
		return "dino", o
	}
	return name, o
}

// goldenMethods is what make_methods.py says of its file.
type goldenMethods struct {
	Torch     string
	N, Size   int
	Width, LR float64
	Samples   int
	Groups    [][][][]int
	Methods   map[string]goldenMethod
}

type goldenMethod struct {
	Losses             []float64
	Names, After, Idle []string
	Images             string
	Sizes              []int // of the views
	ViT                bool  // vit_tiny_patch4 of two blocks
}

// methodLimits are shares of the size of what is compared, about ten times what
// PyTorch's own float32 differs by, which make_methods.py prints.
type methodLimits struct{ loss, gradient, after float64 }

// TestMethodsMatchPyTorch makes two steps of every method from given parameters on
// given views: the losses, the gradients of both steps, and all that a checkpoint
// holds after the second, teachers, queue and centre among it. The second step
// has the teacher and the queue that the first one left.
func TestMethodsMatchPyTorch(t *testing.T) {
	g := testutil.OpenGolden(t, "testdata/methods.npz")
	var about goldenMethods
	g.About(&about)
	require.Len(t, about.Methods, 10)
	for step, passes := range about.Groups {
		for number, groups := range passes {
			require.Equal(t, groups, keyGroups(about.N, 2, 5, uint64(step), uint64(number)), "the shuffle that the file was made with")
		}
	}
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			for _, name := range slices.Sorted(maps.Keys(about.Methods)) {
				checkMethod(t, e, g, &about, name)
			}
		})
	}
}

func checkMethod(t *testing.T, e *tensor.Engine, g *testutil.Golden, about *goldenMethods, name string) {
	want := about.Methods[name]
	limit := methodLimits{loss: 2e-5, gradient: 1e-3, after: 5e-5}
	encoder := func() (nn.Encoder, error) {
		o := nn.EncoderOptions{Width: about.Width, InH: want.Sizes[0], InW: want.Sizes[0]}
		if want.ViT {
			o.Depth = 2
			return nn.NewEncoder("vit_tiny_patch4", o, 1)
		}
		return nn.NewEncoder("resnet9", o, 1)
	}
	enc, err := encoder()
	require.NoError(t, err)
	method, options := goldenOptions(name)
	setup := Setup{Encoder: enc, Another: encoder, Seed: 1}
	if small := want.Sizes[len(want.Sizes)-1]; options.LocalCrops > 0 {
		options.LocalSize, setup.Shape = .5, [3]int{2 * small, 2 * small, 3}
	}
	m, err := New(method, options.of(method), setup)
	require.NoError(t, err)
	params := map[string]*nn.Param{}
	var values testutil.NetParams
	for _, p := range m.Params() {
		require.NotContains(t, params, p.Name)
		params[p.Name] = p
		switch {
		case p.Name == "queue":
			fillQueue(p.Value)
		case p.Buffer && (!strings.HasPrefix(p.Name, teacherPrefix) || strings.Contains(p.Name, "running")):
		default:
			p.Value.CopyFrom(values.Next(strings.Replace(p.Name, teacherPrefix, "teacher/", 1), p.Value.Shape()))
		}
	}
	opt, err := optim.NewSGD(e, m.Params(), optim.SGDConfig{Momentum: .9})
	require.NoError(t, err)

	var worst methodLimits
	check := func(of *float64, limit float64, array string, names []string, prefix string, value func(*nn.Param) []float32) {
		t.Helper()
		rows := g.Float64(name + "/" + array)
		size := 3 + about.Samples
		require.Len(t, rows, size*len(names))
		for i, n := range names {
			require.Contains(t, params, n, name)
			off := summaryDistance(prefix+n, value(params[n]), rows[i*size:(i+1)*size])
			assert.LessOrEqual(t, off, limit, "%s: %s of %s", name, array, n)
			*of = max(*of, off)
		}
	}
	tp := e.NewTape(tensor.Training)
	for step, loss := range want.Losses {
		views := make([]*tensor.Tensor, len(want.Sizes))
		for v, size := range want.Sizes {
			x := testutil.NetImages(fmt.Sprintf("%s%d/%d", want.Images, step, v+1), about.N, size, size, 3)
			views[v] = tensor.FromSlice(x, about.N, size, size, 3)
		}
		r, err := Step(StepConfig{Tape: tp, Method: m, Optimizer: opt, LR: about.LR, Noise: &nn.Noise{Seed: 5, Step: uint64(step)}, Steps: len(want.Losses)}, views)
		require.NoError(t, err)
		off := math.Abs(r.Loss-loss) / max(1, math.Abs(loss))
		assert.LessOrEqual(t, off, limit.loss, "%s: loss of step %d: %v, expected %v", name, step+1, r.Loss, loss)
		worst.loss = max(worst.loss, off)
		array := fmt.Sprintf("grad%d", step+1)
		check(&worst.gradient, limit.gradient, array, want.Names, array+"/", func(p *nn.Param) []float32 { return p.Value.Grad().Data() })
	}
	check(&worst.after, limit.after, "after", want.After, "after/", func(p *nn.Param) []float32 { return p.Value.Data() })
	for n := range params {
		if n != "queue_ptr" {
			assert.True(t, slices.Contains(want.After, n) || slices.Contains(want.Idle, n), "%s: PyTorch has no %s", name, n)
		}
	}
	t.Logf("%s: largest error of losses %.0e, gradients %.0e, parameters, teacher, queue and centre after %d steps %.0e",
		name, worst.loss, worst.gradient, len(want.Losses), worst.after)
}

// fillQueue does what make_methods.py does.
func fillQueue(q *tensor.Tensor) {
	d := q.Dim(1)
	u := testutil.Uniform("queue", q.Len())
	for i := range q.Dim(0) {
		sum := 0.0
		for _, v := range u[i*d : (i+1)*d] {
			sum += float64(v) * float64(v)
		}
		for j, v := range u[i*d : (i+1)*d] {
			q.Data()[i*d+j] = float32(float64(v) / math.Sqrt(sum))
		}
	}
}

// summaryDistance is |got - want| as a share of |want|, from a summary: the
// largest of the errors of norm, inner product and samples.
func summaryDistance(name string, got []float32, want []float64) float64 {
	samples := len(want) - 3
	have := testutil.Summary(name, got, samples)
	sum := 0.0
	for i := 3; i < len(want); i++ {
		sum += (have[i] - want[i]) * (have[i] - want[i])
	}
	size := max(want[0], 1e-30)
	rms := size / math.Sqrt(float64(len(got)))
	return max(math.Abs(have[0]-want[0])/size, math.Abs(have[2]-want[2])/size, math.Sqrt(sum/float64(samples))/rms)
}
