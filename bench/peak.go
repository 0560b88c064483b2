package bench

import "github.com/locimem/locimem/tensor"

// PeakResult is what the multipliers can do at most, as measured.
type PeakResult struct {
	Threads int     `json:"threads"`
	ISA     string  `json:"isa"`
	GFLOPS  float64 `json:"gflops"`
}

// Peak measures multiply-adds in float32 on registers alone, by the kernels and
// threads of an engine with these options.
func Peak(o tensor.Options) (*PeakResult, error) {
	e, err := tensor.NewEngine(o)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return &PeakResult{Threads: e.Threads(), ISA: e.ISA(), GFLOPS: e.Peak() / 1e9}, nil
}
