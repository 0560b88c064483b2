package ssl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
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
	h, w, ch := a.Shape()
	return inputFeatures(ctx, e, enc, tap, inputs{name: d.Name(), n: len(indices), batch: batch, at: func(tp *tensor.Tape, lo, hi int) *tensor.Tensor {
		x := tp.Buffer(hi-lo, h, w, ch)
		originals(e, x.Data(), d, indices[lo:hi], a)
		return x
	}})
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

// inputs are images that come in batches.
type inputs struct {
	name     string // of the data
	n, batch int
	at       func(tp *tensor.Tape, lo, hi int) *tensor.Tensor // [hi-lo,H,W,C]
}

// inputFeatures is tapFeatures of images that were made elsewhere.
func inputFeatures(ctx context.Context, e *tensor.Engine, enc nn.Encoder, tap string, in inputs) (*tensor.Tensor, error) {
	if in.batch < 1 {
		panic(fmt.Sprintf("ssl: Features in batches of %d", in.batch))
	}
	units, c := enc.OutDim(), nn.Context{}
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
	out := tensor.New(in.n, units)
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	for lo := 0; lo < in.n; lo += in.batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(lo+in.batch, in.n)
		c.Tape = tp
		f := enc.Forward(&c, in.at(tp, lo, hi))
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
		return nil, fmt.Errorf("the features of %s: %w", in.name, ErrNotFinite)
	}
	return out, nil
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
