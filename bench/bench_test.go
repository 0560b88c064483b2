package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/tensor"
)

func TestGemm(t *testing.T) {
	r, err := Gemm(GemmOptions{Shape: Shape{M: 65, N: 33, K: 17, TransA: true, TransB: true}, Reps: 3, Engine: tensor.Options{Threads: 2, ISA: "generic"}})
	require.NoError(t, err)
	assert.Equal(t, "generic", r.ISA)
	assert.Equal(t, 2, r.Threads)
	assert.InEpsilon(t, 2*65*33*17/1e9, r.GFLOPS*r.Millis/1e3, 1e-9)
	assert.GreaterOrEqual(t, r.Best, r.GFLOPS)
	assert.GreaterOrEqual(t, r.Loop, 1)
	assert.InEpsilon(t, r.GFLOPS, r.Share()*r.Peak, 1e-9)
	_, err = Gemm(GemmOptions{Shape: Shape{M: 0, N: 1, K: 1}, Reps: 1})
	assert.ErrorContains(t, err, "m: want 1 to")
	_, err = Gemm(GemmOptions{Shape: Shape{M: 1, N: 1, K: 1}, Reps: 1, Engine: tensor.Options{ISA: "mmx"}})
	assert.ErrorContains(t, err, "mmx")
}

func TestShapes(t *testing.T) {
	all := Shapes()
	assert.Len(t, all, 36)
	assert.Contains(t, all, Shape{M: 16640, N: 192, K: 192, TransA: true})
	for i, s := range all {
		assert.Positive(t, s.M*s.N*s.K)
		assert.NotContains(t, all[:i], s)
	}
}

func TestStep(t *testing.T) {
	r, err := Step(StepOptions{Encoder: "resnet9", Width: .125, Batch: 6, Size: 16, Reps: 3})
	require.NoError(t, err)
	assert.Positive(t, r.ViewsMillis)
	assert.Positive(t, r.StepMillis)
	assert.GreaterOrEqual(t, r.TotalMillis, max(r.ViewsMillis, r.StepMillis)/2)
	assert.InEpsilon(t, 6, r.ImagesPerSecond*r.TotalMillis/1e3, 1e-9)
	assert.Greater(t, r.PeakRSS, int64(1<<20))
	for _, o := range []StepOptions{
		{Encoder: "resnet9", Width: 1, Batch: 1, Size: 16, Reps: 1}, {Encoder: "nonesuch", Width: 1, Batch: 4, Size: 16, Reps: 1},
		{Encoder: "resnet9", Width: 1, Batch: 4, Size: 3, Reps: 1},
	} {
		_, err := Step(o)
		assert.Error(t, err)
	}
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2., median([]float64{3, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
}
