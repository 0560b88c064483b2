package perturb

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// NormCosine is how alike the scales of one norm are in two encoders.
type NormCosine struct {
	Layer string `json:"layer"` // the norm
	// Weight is the cosine of the two scales (gamma). Those start at 1, so it is
	// high for any two encoders.
	Weight float64 `json:"weight"`
	// Centred is the cosine of the scales less their means, 0 where one of them is
	// constant: what they say about single channels.
	Centred float64 `json:"centred"`
}

// NormCosines returns Table 25 for two encoders of one architecture: a row for
// each batch or group norm, in forward order.
func NormCosines(e *tensor.Engine, a, b nn.Encoder) ([]NormCosine, error) {
	if err := same(a, b); err != nil {
		return nil, fmt.Errorf("norm cosine: %w", err)
	}
	of := map[string][2]*tensor.Tensor{}
	for i, p := range a.Params() {
		of[p.Name] = [2]*tensor.Tensor{p.Value, b.Params()[i].Value}
	}
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	var out []NormCosine
	for _, t := range a.Taps() {
		if t.Kind != nn.KindBN && t.Kind != nn.KindGN {
			continue
		}
		w := of[t.Name+".weight"]
		n := w[0].Len()
		plain := func(x *tensor.Tensor) *tensor.Tensor { return tp.Reshape(x, 1, n) }
		centred := func(x *tensor.Tensor) *tensor.Tensor { return tp.Reshape(tp.Center(tp.Reshape(x, n, 1)), 1, n) }
		out = append(out, NormCosine{t.Name, cosine(tp, plain(w[0]), plain(w[1])), cosine(tp, centred(w[0]), centred(w[1]))})
	}
	return out, nil
}

// cosine of two rows [1,C]; 0 if one of them is 0.
func cosine(tp *tensor.Tape, a, b *tensor.Tensor) float64 {
	const eps = 1e-12
	return float64(tp.RowDots(tp.L2Normalize(a, eps), tp.L2Normalize(b, eps)).Item())
}
