package ssl

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

func TestDiagnose(t *testing.T) {
	for _, name := range twoViewed() {
		r := Record{Epoch: 1, Loss: 1, Chance: 2, Spread: .5}
		assert.Empty(t, diagnose(name, &r), name)
		r.Spread, r.Collapsed = 1e-5, true
		w := diagnose(name, &r)
		assert.Contains(t, w, "collapsed: all images have nearly the same projection (spread 1e-05", name)
		assert.Contains(t, w, "Usual causes: ", name)
	}
	ln := math.Log(4096)
	dino := Record{Epoch: 3, Loss: ln * .9999, Chance: ln, Spread: .5}
	assert.Contains(t, diagnose("dino", &dino), "8.317 stays at its chance level 8.318")
	assert.Contains(t, diagnose("dino", &dino), "lower method.teacher_temperature")
	dino.Epoch = 1
	assert.Empty(t, diagnose("dino", &dino), "where every training begins")
	// Methods without negatives cross these levels in good health.
	for _, name := range []string{"byol", "simsiam"} {
		assert.Empty(t, diagnose(name, &Record{Epoch: 9, Loss: 4, Chance: 4, Spread: .5}), name)
	}
	assert.Contains(t, diagnose("another", &Record{Collapsed: true}), "collapsed")
}

// sleeping is a method whose projections do not depend on the images.
type sleeping struct{ Method }

func (s sleeping) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	w := s.Params()[0].Value
	c.Tap(ProjectionTap, tensor.FromSlice([]float32{1, 2, 1, 2, 1, 2}, 3, 2))
	return c.Tape.Sum(c.Tape.Scale(w, 0))
}

func TestCollapseIsInTheRecord(t *testing.T) {
	p := newProblem(t, problemOptions{method: "simsiam", change: func(c *TrainerConfig) { c.Method = sleeping{c.Method} }})
	require.NoError(t, p.run(t, context.Background()))
	require.Len(t, p.records, problemEpochs)
	for _, r := range p.records {
		assert.True(t, r.Collapsed)
		assert.Contains(t, r.Warning, "Usual causes: no batch norm")
		assert.Zero(t, r.Rank)
	}
}

func TestRankAndTeacher(t *testing.T) {
	p := newProblem(t, problemOptions{})
	for _, c := range []struct {
		name       string
		z          []float32
		d          int
		teacher    []float32
		rank, cosT float64
	}{
		{"all the same", []float32{1, 2, 1, 2, 2, 4, 1, 2}, 2, nil, 0, 0},
		{"a line", []float32{1, 0, -1, 0, 1, 0, -2, 0}, 2, []float32{3, 0, -1, 0, 1, 0, -1, 0}, 1, 1},
		{"two directions", []float32{1, 0, -1, 0, 0, 1, 0, -1}, 2, []float32{-1, 0, 1, 0, 0, -1, 0, 1}, 2, -1},
		{"more directions than rows", []float32{1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0}, 5, nil, 2, 0},
	} {
		n := len(c.z) / c.d
		tp := p.config.Engine.NewTape(tensor.Training)
		w := watch{tape: tp}
		w.Got(ProjectionTap, tensor.FromSlice(c.z, n, c.d))
		if c.teacher != nil {
			w.Got(TeacherTap, tensor.FromSlice(c.teacher, n, c.d))
		}
		var r StepResult
		w.measure(&r)
		assert.InDelta(t, c.rank, r.Rank, 1e-5, c.name)
		assert.InDelta(t, c.cosT, r.Teacher, 1e-6, c.name)
	}
	// A teacher that was just copied agrees on the same views of the same images;
	// its batch norm sees the same batch.
	q := newProblem(t, problemOptions{method: "byol"})
	r, err := Step(StepConfig{Tape: q.config.Engine.NewTape(tensor.Training), Method: q.method, Optimizer: q.config.Optimizer, LR: 1e-3, Steps: 1}, randomViews(8))
	require.NoError(t, err)
	assert.InDelta(t, 1, r.Teacher, 1e-5)
	assert.Greater(t, r.Rank, 1.)
}
