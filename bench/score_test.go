package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/tensor"
)

func TestScore(t *testing.T) {
	r, err := Score(ScoreOptions{Encoder: "resnet9", Width: .125, Points: 5, Views: 3, Size: 16, Batch: 6,
		Engine: tensor.Options{Threads: 1}})
	require.NoError(t, err)
	assert.Equal(t, 31, r.Taps)
	assert.InDelta(t, 5, r.PointsPerSecond*r.Seconds, 1e-9)
	for _, bad := range []ScoreOptions{{}, {Encoder: "resnet9", Width: 1, Points: 1, Views: 3, Size: 16, Batch: 1},
		{Encoder: "resnet9", Points: 5, Views: 3, Size: 16, Batch: 1},
		{Encoder: "vgg", Width: 1, Points: 5, Views: 3, Size: 16, Batch: 1}} {
		_, err := Score(bad)
		assert.Error(t, err, "%+v", bad)
	}
}

func BenchmarkScore(b *testing.B) {
	for b.Loop() {
		_, err := Score(ScoreOptions{Encoder: "resnet9", Width: 1, Points: 100, Views: 10, Size: 32, Batch: 250,
			Engine: tensor.Options{Threads: 1}})
		require.NoError(b, err)
	}
}
