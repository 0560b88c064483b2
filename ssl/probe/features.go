// Package probe evaluates encoders: weighted kNN, linear probes, fine-tuning, and the
// features that they take. All but fine-tuning leave the encoder as it is. Every result is
// a pure function of encoder, images, settings and seed.
package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// Features returns what the encoder, in evaluation mode, makes of the unaugmented
// images of that indices: [len(indices), OutDim], a row for an index. The encoder
// stays as it is. The only errors are ctx.Err() and a feature that is not finite.
func Features(ctx context.Context, e *tensor.Engine, enc nn.Encoder, d data.Dataset, indices []int, a *augment.Augmenter, batch int) (*tensor.Tensor, error) {
	return tapFeatures(ctx, e, enc, "", d, indices, a, batch)
}

// tapFeatures is Features of any tap: of maps and tokens the mean over the
// positions. "" is the encoder's output.
func tapFeatures(ctx context.Context, e *tensor.Engine, enc nn.Encoder, tap string, d data.Dataset, indices []int, a *augment.Augmenter, batch int) (*tensor.Tensor, error) {
	if batch < 1 {
		panic(fmt.Sprintf("probe: Features in batches of %d", batch))
	}
	n, units, c := len(indices), enc.OutDim(), nn.Context{}
	h, w, ch := a.Shape()
	var taps *nn.Capture
	if tap != "" {
		at := slices.IndexFunc(enc.Taps(), func(t nn.TapInfo) bool { return t.Name == tap })
		if at < 0 {
			_, err := nn.SelectTaps(enc.Taps(), []string{tap})
			return nil, fmt.Errorf("tap: found %q, expected the name of one tap (%w)", tap, cmp.Or(err, errPattern))
		}
		shape := enc.Taps()[at].Shape
		units = shape[len(shape)-1]
		taps = nn.NewCapture(tap)
		c.Taps = taps
	}
	out := tensor.New(n, units)
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	for lo := 0; lo < n; lo += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(lo+batch, n)
		c.Tape = tp
		x := tp.Buffer(hi-lo, h, w, ch)
		originals(e, x.Data(), d, indices[lo:hi], a)
		f := enc.Forward(&c, x)
		to := out.Data()[lo*units : hi*units]
		if taps != nil {
			f = taps.Outputs[tap]
		}
		if f.Rank() == 2 {
			f.CopyTo(to)
		} else {
			for i, v := range e.UnitMeans(f, 1, 0, false) {
				to[i] = float32(v)
			}
		}
		tp.Release()
	}
	if !e.AllFinite(out) {
		return nil, fmt.Errorf("the features of %s: %w", d.Name(), ssl.ErrNotFinite)
	}
	return out, nil
}

// originals writes the unaugmented images, normalised as views are, one after
// another.
func originals(e *tensor.Engine, dst []float32, d data.Dataset, indices []int, a *augment.Augmenter) {
	h, w, ch := a.Shape()
	n := h * w * ch
	e.Parallel(len(indices), func(row, _ int) {
		a.Original(dst[row*n:(row+1)*n], d.Image(indices[row]))
	})
}

var errPattern = errors.New("it is a pattern")

// Labels returns the classes of the images of that indices.
func Labels(d data.Dataset, indices []int) []int {
	l := make([]int, len(indices))
	for i, index := range indices {
		l[i] = d.Label(index)
	}
	return l
}

// KNNProbe is a kNN evaluation of an encoder, with everything that its number
// depends on: store K and T wherever the number goes.
type KNNProbe struct {
	Engine  *tensor.Engine
	Encoder nn.Encoder
	Augment *augment.Augmenter // its Original is used
	// Bank and Test are data sets, and the indices of the points into them.
	Bank, Test               data.Dataset
	BankIndices, TestIndices []int
	K                        int
	T                        float64
	Batch                    int // images in a forward pass
}

// Accuracy computes the features of bank and test points and returns KNN of
// them.
func (p *KNNProbe) Accuracy(ctx context.Context) (float64, error) {
	bank, err := Features(ctx, p.Engine, p.Encoder, p.Bank, p.BankIndices, p.Augment, p.Batch)
	if err != nil {
		return 0, err
	}
	test, err := Features(ctx, p.Engine, p.Encoder, p.Test, p.TestIndices, p.Augment, p.Batch)
	if err != nil {
		return 0, err
	}
	return KNN(p.Engine, bank, Labels(p.Bank, p.BankIndices), test, Labels(p.Test, p.TestIndices), p.K, p.T)
}
