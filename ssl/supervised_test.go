package ssl

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// TestSupervisedMatchesPyTorch does one step of ResNet-9 and Adam as
// make_supervised.py does: loss, gradients, and how far each parameter has gone.
// Adam's first step is nearly the learning rate times the sign of the gradient,
// however small that is, so where a gradient is all but 0 rounding decides: of the
// way gone only norm and inner product are compared.
func TestSupervisedMatchesPyTorch(t *testing.T) {
	g := testutil.OpenGolden(t, "testdata/supervised.npz")
	var about struct {
		N, Classes int
		LR         float64
	}
	g.About(&about)
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125}, 1)
			require.NoError(t, err)
			m, err := made[*Supervised]("supervised", nil, Setup{Encoder: enc, Classes: about.Classes, Seed: 1})
			require.NoError(t, err)
			start := map[string][]float32{}
			var values testutil.NetParams
			for _, p := range nn.Trained(m.Params()) {
				start[p.Name] = values.Next(p.Name, p.Value.Shape())
				p.Value.CopyFrom(start[p.Name])
			}
			adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{})
			require.NoError(t, err)
			labels := make([]int, about.N)
			for i := range labels {
				labels[i] = i % about.Classes
			}
			m.SetLabels(labels)
			x := tensor.FromSlice(testutil.NetImages("set9-0/1", about.N, 32, 32, 3), about.N, 32, 32, 3)
			r, err := oneStep(e.NewTape(tensor.Training), m, adam, x, about.LR, nil)
			require.NoError(t, err)
			var worst struct{ loss, grad, moved float64 }
			worst.loss = math.Abs(r.Loss/g.Float64("loss")[0] - 1)
			assert.LessOrEqual(t, worst.loss, 2e-6)
			compared := 0
			for _, p := range nn.Trained(m.Params()) {
				if strings.HasPrefix(p.Name, "conv") && strings.HasSuffix(p.Name, "bias") {
					continue
				}
				compared++
				off := testutil.SummaryError("grad/"+p.Name, p.Value.Grad().Data(), g.Float64("grad/"+p.Name))
				assert.LessOrEqual(t, off, 5e-5, "gradient of %s", p.Name)
				worst.grad = max(worst.grad, off)
				moved := slices.Clone(p.Value.Data())
				for i := range moved {
					moved[i] -= start[p.Name][i]
				}
				off = testutil.SummaryError("moved/"+p.Name, moved, g.Float64("moved/" + p.Name)[:3])
				assert.LessOrEqual(t, off, 2e-3, "way of %s", p.Name)
				worst.moved = max(worst.moved, off)
			}
			assert.Equal(t, 26, compared)
			t.Logf("off by %.1e (loss) %.1e (gradients) %.1e (way gone)", worst.loss, worst.grad, worst.moved)
		})
	}
}

func TestTrainerGivesTheLabelsOfTheBatch(t *testing.T) {
	p := otherProblem(t, "supervised", problemOptions{indices: upTo(9, 9+problemImages)})
	b := newBatches(&p.config)
	positions := []int{3, 0, 30}
	var want []int
	for _, at := range positions {
		want = append(want, p.config.Dataset.Label(9+at))
	}
	assert.Equal(t, want, b.labels(positions))
	require.NoError(t, p.run(t, t.Context()))
	assert.Len(t, p.config.Method.(*Supervised).labels, problemBatch)
	assert.InDelta(t, math.Log(10), p.records[0].Chance, 1e-12)
	assert.Less(t, p.records[2].Loss, p.records[0].Loss)
}

// relabelled is a data set with other labels.
type relabelled struct {
	data.Dataset
	classes []string
	label   func(i int) int
}

func (r relabelled) Classes() []string { return r.classes }
func (r relabelled) Label(i int) int   { return r.label(i) }

func TestDataWithoutLabelsAreRefused(t *testing.T) {
	_, err := made[*Supervised]("supervised", nil, Setup{Encoder: vit(t), Classes: 0, Seed: 1})
	assert.ErrorContains(t, err, "found data of 0 classes, expected at least 2")
	ten := make([]string, 10)
	ten[9] = "unlabeled"
	for says, r := range map[string]relabelled{
		"image 0 of synthetic/train has label -1, expected 0 to 9": {classes: ten, label: func(int) int { return -1 }},
		"image 6 of synthetic/train has label 10":                  {classes: make([]string, 10), label: func(i int) int { return i + 4 }},
		"image 5 of synthetic/train is unlabeled":                  {classes: ten, label: func(i int) int { return i + 4 }},
		"are of one class": {classes: ten, label: func(int) int { return 4 }},
	} {
		p := otherProblem(t, "supervised", problemOptions{change: func(c *TrainerConfig) {
			r.Dataset = c.Dataset
			c.Dataset = r
		}})
		_, err := NewTrainer(p.config)
		if assert.Error(t, err, says) {
			name := p.config.Dataset.Name()
			assert.Contains(t, err.Error(), strings.ReplaceAll(says, "synthetic/train", name))
		}
	}
	p := newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		c.Dataset = relabelled{Dataset: c.Dataset, label: func(int) int { return -1 }}
	}})
	_, err = NewTrainer(p.config)
	assert.NoError(t, err, "SimCLR needs no labels")
}
