package bench

import (
	"math"
	"runtime"

	"github.com/locimem/locimem/tensor"
)

// AllResult is what can be measured without a peer.
type AllResult struct {
	ISA   string        `json:"isa"`
	Peaks []PeakShare   `json:"peaks"`
	Gemm  []*GemmResult `json:"gemm"`
	Step  *StepResult   `json:"step"`
}

// PeakShare is the peak of some threads and the share of it, as a geometric
// mean, that the products on as many threads reach.
type PeakShare struct {
	Threads int     `json:"threads"`
	GFLOPS  float64 `json:"gflops"`
	Share   float64 `json:"share"`
}

// All measures the peak of one thread and of all, the products of Shapes on both,
// and a step of ResNet-9 on all. Quick takes small products, a small batch and few
// repetitions.
// progress, unless nil, hears of each product as it is done.
func All(o tensor.Options, quick bool, progress func(r *GemmResult)) (*AllResult, error) {
	all := o.Threads
	if all == 0 {
		all = runtime.GOMAXPROCS(0)
	}
	out := &AllResult{}
	threads := []int{1}
	if all > 1 {
		threads = append(threads, all)
	}
	for _, t := range threads {
		o.Threads = t
		p, err := Peak(o)
		if err != nil {
			return nil, err
		}
		out.ISA = p.ISA
		logs, products := 0., 0
		for _, s := range Shapes() {
			flop := 2 * float64(s.M) * float64(s.N) * float64(s.K)
			reps := int(max(3, min(100, .1*p.GFLOPS*1e9/flop)))
			if quick {
				if s.TransA || s.TransB || flop > 1e8 {
					continue
				}
				reps = 3
			}
			r, err := Gemm(GemmOptions{Shape: s, Engine: o, Reps: reps})
			if err != nil {
				return nil, err
			}
			out.Gemm = append(out.Gemm, r)
			logs, products = logs+math.Log(r.Share()), products+1
			if progress != nil {
				progress(r)
			}
		}
		out.Peaks = append(out.Peaks, PeakShare{p.Threads, p.GFLOPS, math.Exp(logs / float64(products))})
	}
	step := StepOptions{Encoder: "resnet9", Width: 1, Batch: 256, Size: 32, Reps: 5, Engine: o}
	if quick {
		step.Batch, step.Reps = 16, 1
	}
	var err error
	out.Step, err = Step(step)
	return out, err
}
