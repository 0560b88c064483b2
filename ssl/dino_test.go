package ssl

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// The teacher's temperature rises in a straight line, and what is computed with it
// is what DINO without a warm-up computes at that temperature.
func TestTeacherTemperatureWarmUp(t *testing.T) {
	at := teacherTemperature(&Options{TeacherStart: .04, TeacherTemperature: .07, TeacherWarmup: 30})
	for step, want := range map[int]float64{0: .04, 10: .05, 15: .055, 20: .06, 29: .069, 30: .07, 1000: .07} {
		assert.InDelta(t, want, float64(at(step)), 1e-8, "step %d", step)
	}
	at = teacherTemperature(&Options{TeacherStart: .04, TeacherTemperature: .07})
	assert.Equal(t, float32(.07), at(0))

	loss := func(step uint64, change func(*Options)) float32 {
		p := newProblem(t, problemOptions{method: "dino", options: change})
		tp := p.config.Engine.NewTape(tensor.Training)
		defer tp.Release()
		return p.method.Loss(&nn.Context{Tape: tp, Noise: &nn.Noise{Step: step}}, randomViews(6)).Item()
	}
	warm := func(o *Options) { o.TeacherStart, o.TeacherTemperature, o.TeacherWarmup = .02, .06, 4 }
	for step, temperature := range map[uint64]float64{0: .02, 2: .04, 9: .06} {
		assert.Equal(t, loss(step, func(o *Options) { o.TeacherTemperature = temperature }), loss(step, warm), "step %d", step)
	}
	assert.NotEqual(t, loss(0, warm), loss(9, warm))

	_, err := New("dino", tinyEncoder(t), func() (nn.Encoder, error) { return tinyEncoder(t), nil }, func() Options {
		o := tinyOptions
		o.TeacherWarmup = 3
		return o
	}(), 2)
	assert.ErrorContains(t, err, "method dino: teacher_temperature_start: found 0")
}

// A stop in the warm-up goes on where it was.
func TestTeacherTemperatureAfterAStop(t *testing.T) {
	warm := func(o *Options) { o.TeacherStart, o.TeacherTemperature, o.TeacherWarmup = .02, .06, 9 }
	whole := newProblem(t, problemOptions{method: "dino", options: warm, threads: 1})
	require.NoError(t, whole.run(t, context.Background()))
	assert.NotEqual(t, uninterruptedOf(t, "dino").weights, whole.result().weights)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	require.ErrorIs(t, newProblem(t, problemOptions{method: "dino", options: warm, dir: dir, change: stopAfter(5, cancel)}).run(t, ctx), context.Canceled)
	p := newProblem(t, problemOptions{method: "dino", options: warm, dir: dir})
	require.NoError(t, p.run(t, context.Background()))
	assert.Equal(t, whole.result().weights, p.result().weights)
}
