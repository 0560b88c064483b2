package probe

import (
	"context"
	"fmt"
	"math"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// logistic is multinomial logistic regression: weights [K,D] and biases [K] that
// minimise the mean cross-entropy of x [N,D] plus decay/2 times the sum of the
// squared weights. With decay above 0 there is one minimum but for a number added
// to all biases. scikit-learn's C is 1/(N*decay).
type logistic struct {
	engine       *tensor.Engine
	x            *tensor.Tensor
	labels       []int
	decay        float64
	weight, bias *tensor.Tensor
}

func newLogistic(e *tensor.Engine, x *tensor.Tensor, labels []int, classes int, decay float64) *logistic {
	return &logistic{
		engine: e, x: x, labels: labels, decay: decay,
		weight: tensor.New(classes, x.Dim(1)).RequireGrad(), bias: tensor.New(classes).RequireGrad(),
	}
}

// fitted tells how the training of a probe ended.
type fitted struct {
	loss       float64 // with the decay's part
	gradient   float64 // the largest derivative
	iterations int     // of lbfgs, epochs of sgd
}

// evaluate returns the objective at the present weights, whose gradients it
// leaves in them; the decay's part is not in those.
func (l *logistic) evaluate() float64 {
	l.weight.ZeroGrad()
	l.bias.ZeroGrad()
	tp := l.engine.NewTape(tensor.Training)
	defer tp.Release()
	loss := tp.SoftmaxCrossEntropy(tp.Linear(l.x, l.weight, l.bias), l.labels)
	tp.Backward(loss)
	return float64(loss.Item()) + l.decay/2*l.engine.SumSquares(l.weight)
}

// put adds the decay's part to the gradients and writes them to g: weights, then
// biases.
func (l *logistic) put(g []float64) {
	w := l.weight.Data()
	for i, v := range l.weight.Grad().Data() {
		g[i] = float64(v) + l.decay*float64(w[i])
	}
	for i, v := range l.bias.Grad().Data() {
		g[len(w)+i] = float64(v)
	}
}

// lbfgs fits by full batches from zeros.
func (l *logistic) lbfgs(ctx context.Context, tolerance float64, most int) (fitted, error) {
	n := l.weight.Len()
	set := func(x []float64) {
		for i := range n {
			l.weight.Data()[i] = float32(x[i])
		}
		for i := range l.bias.Data() {
			l.bias.Data()[i] = float32(x[n+i])
		}
	}
	x := make([]float64, n+l.bias.Len())
	o := lbfgs{tolerance: tolerance, most: most, f: func(x, g []float64) float64 {
		if ctx.Err() != nil { // ends the search, and is seen below
			clear(g)
			return 0
		}
		set(x)
		v := l.evaluate()
		l.put(g)
		return v
	}}
	var f fitted
	f.loss, f.gradient, f.iterations = o.minimize(x)
	set(x)
	return f, l.check(ctx, f)
}

// sgd fits by SGD with momentum and a learning rate that falls along a cosine to
// 0, from zeros. The order of the points is drawn from the seed.
func (l *logistic) sgd(ctx context.Context, c *LinearConfig) (fitted, error) {
	params := []*nn.Param{{Name: "weight", Value: l.weight}, {Name: "bias", Value: l.bias, NoDecay: true}}
	o, err := optim.NewSGD(l.engine, params, optim.SGDConfig{Momentum: c.Momentum, WeightDecay: l.decay})
	if err != nil {
		return fitted{}, err
	}
	n := l.x.Dim(0)
	steps := (n + c.Batch - 1) / c.Batch
	schedule := optim.CosineWarmup{Base: c.LR, Total: c.Epochs * steps}
	tp := l.engine.NewTape(tensor.Training)
	labels := make([]int, 0, c.Batch)
	for epoch := range c.Epochs {
		if ctx.Err() != nil {
			return fitted{}, ctx.Err()
		}
		order := rng.New(c.Seed, "linear", uint64(epoch)).Perm(n)
		for step := range steps {
			rows := order[step*c.Batch : min((step+1)*c.Batch, n)]
			labels = labels[:0]
			for _, r := range rows {
				labels = append(labels, l.labels[r])
			}
			o.ZeroGrad()
			tp.Backward(tp.SoftmaxCrossEntropy(tp.Linear(tp.Gather(l.x, rows), l.weight, l.bias), labels))
			o.Step(schedule.At(epoch*steps + step))
			tp.Release()
		}
	}
	f := fitted{loss: l.evaluate(), iterations: c.Epochs}
	g := make([]float64, l.weight.Len()+l.bias.Len())
	l.put(g)
	f.gradient = maxAbs(g)
	return f, l.check(ctx, f)
}

func (l *logistic) check(ctx context.Context, f fitted) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !finite(f.loss) || !finite(f.gradient) {
		return fmt.Errorf("linear probe: the loss is %v: %w; a lower learning rate may help", f.loss, ssl.ErrNotFinite)
	}
	return nil
}

// accuracy is the share of points x that are put into their class.
func (l *logistic) accuracy(x *tensor.Tensor, labels []int) float64 {
	tp := l.engine.NewTape(tensor.Inference)
	defer tp.Release()
	return right(tp.Linear(x, l.weight, l.bias), labels)
}

// right is the share of rows of logits [N,K] whose highest, of equal ones the
// first, is that of the label.
func right(logits *tensor.Tensor, labels []int) float64 {
	k, hits := logits.Dim(1), 0
	for i, label := range labels {
		best, at := math.Inf(-1), 0
		for c, v := range logits.Data()[i*k : (i+1)*k] {
			if float64(v) > best {
				best, at = float64(v), c
			}
		}
		if at == label {
			hits++
		}
	}
	return float64(hits) / float64(len(labels))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
