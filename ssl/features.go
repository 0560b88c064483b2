package ssl

import (
	"context"
	"fmt"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Features returns what the encoder, in evaluation mode, makes of the unaugmented
// images of that indices: [len(indices), OutDim], a row for an index. The encoder
// stays as it is. The only errors are ctx.Err() and a feature that is not finite.
func Features(ctx context.Context, e *tensor.Engine, enc nn.Encoder, d data.Dataset, indices []int, a *augment.Augmenter, batch int) (*tensor.Tensor, error) {
	if batch < 1 {
		panic(fmt.Sprintf("ssl: Features in batches of %d", batch))
	}
	h, w, c := a.Shape()
	out := tensor.New(len(indices), enc.OutDim())
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	for lo := 0; lo < len(indices); lo += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		some := indices[lo:min(lo+batch, len(indices))]
		x := tp.Buffer(len(some), h, w, c)
		e.Parallel(len(some), func(row, _ int) {
			n := h * w * c
			a.Original(x.Data()[row*n:(row+1)*n], d.Image(some[row]))
		})
		f := enc.Forward(&nn.Context{Tape: tp}, x)
		f.CopyTo(out.Data()[lo*enc.OutDim() : (lo+len(some))*enc.OutDim()])
		tp.Release()
	}
	if !e.AllFinite(out) {
		return nil, fmt.Errorf("the features of %s: %w", d.Name(), ErrNotFinite)
	}
	return out, nil
}

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
