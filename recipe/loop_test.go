package recipe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/ssl"
)

// Fields of the training loop that came later: recipes without them keep their
// hash, and those that change the encoders count.
func TestFieldsOfTheLoop(t *testing.T) {
	of := func(sets ...string) string { return ofProgram(t, sets).TrainHash() }
	assert.Equal(t, of(), of("train.accumulate=1", "train.weights_ema=0", "train.keep_every=7"))
	for _, other := range []string{"train.accumulate=2", "train.weights_ema=0.9"} {
		assert.NotEqual(t, of(), of(other), other)
	}
	simsiam, dino, warm := "method.name=simsiam", "method.name=dino", "method.teacher_temperature_warmup=30"
	assert.Equal(t, of(simsiam), of(simsiam, "method.predictor_lr=schedule", warm))
	assert.NotEqual(t, of(simsiam), of(simsiam, "method.predictor_lr=constant"))
	assert.Equal(t, of(dino), of(dino, "method.teacher_temperature_start=0.03", "method.predictor_lr=constant"))
	assert.NotEqual(t, of(dino), of(dino, warm))
	assert.NotEqual(t, of(dino, warm), of(dino, warm, "method.teacher_temperature_start=0.03"))
	assert.Equal(t, of(), of(warm, "method.predictor_lr=constant"), "simclr has neither")
	r, err := Read("", nil, []string{dino, "method.teacher_temperature_warmup=1.5"})
	require.NoError(t, err)
	o := r.Method.Config.(ssl.DINOConfig)
	assert.Equal(t, []float64{.04, 1.5}, []float64{o.TeacherStart, o.TeacherWarmup})
	for _, c := range []struct{ set, want string }{
		{"train.accumulate=0",
			"train.accumulate: want a divisor of train.batch (100) that leaves parts of at least 2 images, found 0"},
		{"train.accumulate=3", "train.accumulate: want a divisor of train.batch (100)"},
		{"train.accumulate=100", "train.accumulate: want a divisor of train.batch (100)"},
		{"train.weights_ema=1", "train.weights_ema: want at least 0 and less than 1, found 1"},
		{"train.keep_every=-1", "train.keep_every: want 0 to 1000000, found -1"},
	} {
		_, err := Read("", nil, []string{c.set})
		assert.ErrorContains(t, err, c.want, c.set)
	}
	for want, sets := range map[string][]string{
		`method.predictor_lr: found "fixed", expected schedule or constant`: {simsiam,
			"method.predictor_lr=fixed"},
		"method.teacher_temperature_warmup: found 201, expected 0 to 200": {dino,
			"method.teacher_temperature_warmup=201"},
		"method.teacher_temperature_start: found 0, expected a number above 0 and at most 1": {dino, warm,
			"method.teacher_temperature_start=0"},
	} {
		_, err := Read("", nil, sets)
		assert.ErrorContains(t, err, want)
	}
	_, err = Read("", nil, []string{"method.name=mocov2", "train.accumulate=2", "method.bn_splits=4"})
	assert.ErrorContains(t, err, "method.bn_splits: found 4, expected a divisor of the batch of 50",
		"parts are normalised by themselves")
}
