package ssl

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// The loss is Equation 3 over the number of its terms, each by itself in float64: of
// every large view for the teacher and every other view for the student.
func TestMultiCropLossIsThePapersFormula(t *testing.T) {
	const n = 5
	p := newProblem(t, problemOptions{method: multiCrop})
	m := p.method.(*DINO)
	require.Equal(t, 4, m.Views())
	centre := make([]float64, tinySettings.Prototypes)
	for k := range centre {
		m.centre.Value.Data()[k] = float32(k%3) / 8
		centre[k] = float64(k%3) / 8
	}
	// A teacher of its own, or the diagonal of the pairs would hardly differ.
	r := rng.New(8, "teacher")
	for _, q := range m.teacher.params {
		if q.Value.Rank() > 1 {
			for i := range q.Value.Data() {
				q.Value.Data()[i] += .05 * (r.Float32() - .5)
			}
		}
	}
	views := randomViews(n)
	for range 2 {
		x := tensor.New(n, 18, 18, 3)
		for i := range x.Data() {
			x.Data()[i] = r.Float32()
		}
		views = append(views, x)
	}
	tp := p.config.Engine.NewTape(tensor.Training)
	defer tp.Release()
	taps := nn.NewCapture(ProjectionTap, TeacherTap)
	loss := float64(m.Loss(&nn.Context{Tape: tp, Taps: taps}, views).Item())
	require.Equal(t, []int{2 * n, 8}, taps.Outputs[ProjectionTap].Shape(), "of the large views, as of the teacher")

	// The student's projections, made once more: batch norm takes the statistics of
	// this batch, whatever it has seen before.
	c := &nn.Context{Tape: tp}
	large := m.encoder.Forward(c, tp.Concat(views[:2]...))
	small, err := nn.ForImages(m.encoder, 18, 18)
	require.NoError(t, err)
	z := m.projector.Forward(c, tp.Concat(large, small.Forward(c, tp.Concat(views[2:]...))))
	cosines := func(z *tensor.Tensor, of *nn.Param) [][]float64 {
		var out [][]float64
		for _, row := range rowsOf(z) {
			var logits []float64
			for _, w := range rowsOf(of.Value) {
				logits = append(logits, cosine(row, w))
			}
			out = append(out, logits)
		}
		return out
	}
	s, teacher := cosines(z, m.prototypes), cosines(taps.Outputs[TeacherTap], m.teacherPro)
	assert.Equal(t, rowsOf(z)[:2*n], rowsOf(taps.Outputs[ProjectionTap]))
	want, terms := 0.0, 0.0
	for i := range 2 {
		for v := range 4 {
			if v != i {
				want += dinoH(teacher[i*n:(i+1)*n], s[v*n:(v+1)*n], centre, tinySettings.TeacherTemperature, tinySettings.Temperature)
				terms++
			}
		}
	}
	assert.EqualValues(t, 6, terms)
	assert.InEpsilon(t, want/terms, loss, 1e-5)
}

// Any number of threads gives the same bits.
func TestMultiCropOnAnyThreads(t *testing.T) {
	dino := uninterruptedOf(t, "dino").weights
	for _, method := range []string{multiCrop, multiCropViT} {
		expected := uninterruptedOf(t, method)
		assert.NotEqual(t, dino, expected.weights)
		for _, threads := range []int{2, 3} {
			p := newProblem(t, problemOptions{method: method, threads: threads})
			require.NoError(t, p.run(t, context.Background()))
			assert.Equal(t, expected, p.result(), "%s, %d threads", method, threads)
		}
	}
}

func TestMultiCropRefuses(t *testing.T) {
	o := tinySettings
	o.LocalCrops, o.LocalSize = 1, .5
	_, err := New("dino", o.of("dino"), Setup{Encoder: tinyEncoder(t), Shape: [3]int{16, 16, 3}})
	assert.ErrorContains(t, err, "method dino: local_crops: images of 8x8: layer pool4_0")
	_, err = New("dino", o.of("dino"), Setup{Encoder: vit(t), Shape: [3]int{16, 20, 3}})
	assert.ErrorContains(t, err, "method dino: local_crops: images of 8x10: found patches of 4 pixels, expected a side that divides both")
	o.LocalCrops = -1
	_, err = New("dino", o.of("dino"), Setup{Encoder: tinyEncoder(t)})
	assert.ErrorContains(t, err, "local_crops: found -1, expected 0 to 100")
	p := newProblem(t, problemOptions{method: multiCrop})
	assert.PanicsWithValue(t, "ssl: DINO with 2 small crops takes 4 views, got 2", func() {
		p.method.Loss(&nn.Context{Tape: p.config.Engine.NewTape(tensor.Training)}, randomViews(4))
	})
}
