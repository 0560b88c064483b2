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
	at := (&DINOConfig{TeacherStart: .04, TeacherTemperature: .07, TeacherWarmup: 6}).teacherTemperature(5)
	for step, want := range map[int]float64{0: .04, 10: .05, 15: .055, 20: .06, 29: .069, 30: .07, 1000: .07} {
		assert.InDelta(t, want, float64(at(step)), 1e-8, "step %d", step)
	}
	at = (&DINOConfig{TeacherStart: .04, TeacherTemperature: .07, TeacherWarmup: 1.5}).teacherTemperature(10)
	assert.Less(t, at(14), at(15), "1.5 epochs of 10 steps")
	assert.Equal(t, at(15), at(16))
	at = (&DINOConfig{TeacherStart: .04, TeacherTemperature: .07}).teacherTemperature(5)
	assert.Equal(t, float32(.07), at(0))

	loss := func(step uint64, change func(*allSettings)) float32 {
		p := newProblem(t, problemOptions{method: "dino", options: change})
		tp := p.config.Engine.NewTape(tensor.Training)
		defer tp.Release()
		return p.method.Loss(&nn.Context{Tape: tp, Noise: &nn.Noise{Step: step}}, randomViews(6)).Item()
	}
	warm := func(o *allSettings) { o.TeacherStart, o.TeacherTemperature, o.TeacherWarmup = .02, .06, 1 } // 4 steps
	for step, temperature := range map[uint64]float64{0: .02, 2: .04, 9: .06} {
		assert.Equal(t, loss(step, func(o *allSettings) { o.TeacherTemperature = temperature }), loss(step, warm), "step %d", step)
	}
	assert.NotEqual(t, loss(0, warm), loss(9, warm))

	o := tinySettings
	o.TeacherWarmup = 3
	_, err := New("dino", o.of("dino"), Setup{Encoder: tinyEncoder(t), Seed: 2})
	assert.ErrorContains(t, err, "method dino: teacher_temperature_start: found 0")
}

// A stop in the warm-up goes on where it was.
func TestTeacherTemperatureAfterAStop(t *testing.T) {
	warm := func(o *allSettings) { o.TeacherStart, o.TeacherTemperature, o.TeacherWarmup = .02, .06, 2.25 } // 9 steps
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
