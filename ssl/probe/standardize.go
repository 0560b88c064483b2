package probe

import (
	"math"

	"github.com/locimem/locimem/tensor"
)

// standardizer shifts and scales every unit by the mean and the standard deviation
// that it has over the training points.
type standardizer struct{ mean, deviation []float64 }

// flat is the deviation, as a share of the unit's size, below which a unit counts
// as constant: what is left is rounding, which must not be blown up.
const flat = 1e-6

// newStandardizer measures the units of x [N,D]. The deviation has N below the
// line; for a constant unit it is 1.
func newStandardizer(x *tensor.Tensor) *standardizer {
	n, d := x.Dim(0), x.Dim(1)
	s := &standardizer{make([]float64, d), make([]float64, d)}
	for i, v := range x.Data() {
		s.mean[i%d] += float64(v) / float64(n)
	}
	for i, v := range x.Data() {
		off := float64(v) - s.mean[i%d]
		s.deviation[i%d] += off * off / float64(n)
	}
	for u, v := range s.deviation {
		s.deviation[u] = math.Sqrt(v)
		if s.deviation[u] <= flat*math.Abs(s.mean[u]) {
			s.deviation[u] = 1
		}
	}
	return s
}

// apply changes x.
func (s *standardizer) apply(x *tensor.Tensor) {
	d, data := len(s.mean), x.Data()
	for i, v := range data {
		data[i] = float32((float64(v) - s.mean[i%d]) / s.deviation[i%d])
	}
}
