package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/tensor"
)

// ConvOptions says which convolutions to time.
type ConvOptions struct {
	Net    string // resnet9, resnet18 or resnet50
	Batch  int    // images; 0 for what is usual for the net
	Layer  string // only layers whose names contain it
	Engine tensor.Options
	Reps   int
}

// ConvResult is the speed of the convolutions of a net.
type ConvResult struct {
	Net     string     `json:"net"`
	Batch   int        `json:"batch"`
	Threads int        `json:"threads"`
	ISA     string     `json:"isa"`
	Reps    int        `json:"reps"`
	Convs   []ConvPass `json:"convs"`
}

// ConvPass is the speed of one pass of one layer.
type ConvPass struct {
	ConvLayer
	Pass   string  `json:"pass"`        // forward, data or weights
	Millis float64 `json:"ms"`          // median
	GFLOPS float64 `json:"gflops"`      // of the median
	Best   float64 `json:"gflops_best"` // of the fastest
}

// Conv times forward, backward-data and backward-weights pass of every distinct
// convolution of a net, each by itself.
func Conv(o ConvOptions) (*ConvResult, error) {
	layers, err := ConvLayers(o.Net, o.Batch)
	if err != nil {
		return nil, err
	}
	if o.Reps < 1 || o.Reps > 1<<16 {
		return nil, fmt.Errorf("reps: want 1 to %d, found %d", 1<<16, o.Reps)
	}
	layers = slices.DeleteFunc(layers, func(l ConvLayer) bool { return !strings.Contains(l.Name, o.Layer) })
	if len(layers) == 0 {
		return nil, fmt.Errorf("layer: no layer of %s has %q in its name", o.Net, o.Layer)
	}
	e, err := tensor.NewEngine(o.Engine)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	r := &ConvResult{Net: o.Net, Batch: layers[0].N, Threads: e.Threads(), ISA: e.ISA(), Reps: o.Reps}
	for _, l := range layers {
		for _, p := range convPasses(e, l) {
			times := repeat(o.Reps, p.run)
			r.Convs = append(r.Convs, ConvPass{ConvLayer: l, Pass: p.name, Millis: 1e3 * median(times),
				GFLOPS: l.Flop() / median(times) / 1e9, Best: l.Flop() / slices.Min(times) / 1e9})
		}
	}
	return r, nil
}

// convPass is a pass of a layer, ready to run.
type convPass struct {
	name string
	run  func()
}

func convPasses(e *tensor.Engine, l ConvLayer) []convPass {
	out := l.OutSize()
	x := numbers(l.N, l.Size, l.Size, l.C)
	w := numbers(l.Kernel, l.Kernel, l.C, l.K)
	y := numbers(l.N, out, out, l.K)
	dx, dw := tensor.New(x.Shape()...), tensor.New(w.Shape()...)
	spec := tensor.ConvSpec{StrideH: l.Stride, StrideW: l.Stride, PadH: l.Pad, PadW: l.Pad}
	return []convPass{
		{"forward", func() { e.ConvForward(y, x, w, nil, spec) }},
		{"data", func() { e.ConvBackwardData(dx, y, w, spec) }},
		{"weights", func() { e.ConvBackwardWeights(dw, y, x, spec) }},
	}
}

// numbers returns a tensor of numbers in [-1, 1).
func numbers(shape ...int) *tensor.Tensor {
	t := tensor.New(shape...)
	return tensor.FromSlice(random(t.Len(), 1).Data(), shape...)
}
