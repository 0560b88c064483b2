package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/locimem/locimem/bench"
	"github.com/locimem/locimem/tensor"
)

// machineFlags choose threads and kernels.
type machineFlags struct {
	Threads int    `default:"0" placeholder:"N" help:"Number of threads (default: all cores)."`
	ISA     string `name:"isa" placeholder:"NAME" help:"Instruction set (default: the best; locimem version lists them)."`
	JSON    bool   `name:"json" help:"Write the result as JSON."`
}

func (f *machineFlags) options() tensor.Options {
	return tensor.Options{Threads: f.Threads, ISA: f.ISA}
}

type benchAllCmd struct {
	machineFlags
	Quick bool `help:"Few repetitions and a small batch, to see that it runs."`
}

// Run times what needs no peer.
func (c *benchAllCmd) Run(a *app) error {
	if !c.JSON {
		a.printf("%-20s %8s %10s %10s %14s\n", "M x N x K", "threads", "ms", "GFLOP/s", "share of peak")
	}
	r, err := bench.All(c.options(), c.Quick, func(g *bench.GemmResult) {
		if !c.JSON {
			a.printf("%-20s %8d %10.3f %10.1f %12.1f %%\n", productName(g.Shape), g.Threads, g.Millis, g.GFLOPS, 100*g.Share())
		}
	})
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	for _, p := range r.Peaks {
		a.printf("peak, multiply-adds on registers alone, %s, %d thread(s): %.1f GFLOP/s; the products reach %.1f %% of "+
			"it in the geometric mean\n",
			r.ISA, p.Threads, p.GFLOPS, 100*p.Share)
	}
	s := r.Step
	a.printf("SimCLR step, %s, batch %d, %d threads: views %.1f ms, step %.1f ms, %.0f images/s; peak memory %.0f MiB\n",
		s.Encoder, s.Batch, s.Threads, s.ViewsMillis, s.StepMillis, s.ImagesPerSecond, float64(s.PeakRSS)/(1<<20))
	return nil
}

// productName is M x N x K with a t for a matrix that is stored transposed.
func productName(s bench.Shape) string {
	mark := map[bool]string{false: "n", true: "t"}
	return fmt.Sprintf("%dx%dx%d %s%s", s.M, s.N, s.K, mark[s.TransA], mark[s.TransB])
}

type benchPeakCmd struct{ machineFlags }

// Run measures the peak.
func (c *benchPeakCmd) Run(a *app) error {
	r, err := bench.Peak(c.options())
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("%d threads, %s: %.1f GFLOP/s, memory is read at %.1f GB/s\n", r.Threads, r.ISA, r.GFLOPS, r.GBps)
	return nil
}

type benchLadderCmd struct {
	machineFlags
	N      int    `name:"n" default:"512" placeholder:"N" help:"Rows and columns of the matrices (default: 512)."`
	Rounds int    `default:"5" placeholder:"N" help:"How often the steps take turns (default: 5)."`
	Figure string `placeholder:"FILE" help:"Draw the steps into this .svg or .png file as well."`
}

// Run times the steps of the ladder.
func (c *benchLadderCmd) Run(a *app) error {
	r, err := bench.Ladder(bench.LadderOptions{N: c.N, Rounds: c.Rounds, Engine: c.options()})
	if err != nil {
		return usageError{err}
	}
	if c.Figure != "" {
		if err := bench.LadderFigure(r).Save(c.Figure); err != nil {
			return err
		}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("%dx%dx%d, %s; peak %.1f GFLOP/s on 1 thread, %.1f on %d\n", r.N, r.N, r.N, r.ISA, r.Peak, r.PeakAll,
		r.Threads)
	for i, s := range r.Steps {
		a.printf("%d %-10s %-32s %d thread(s) %10.3f ms %8.1f GFLOP/s %6.1f %% of peak", i+1, s.Name, s.Change, s.Threads,
			s.Millis, s.GFLOPS, 100*s.Share)
		if i > 0 {
			a.printf("  %6.2f times the step before", s.Speedup)
		}
		a.printf("\n")
	}
	return nil
}

type benchFigureCmd struct {
	Results string `default:"bench/results.json" placeholder:"FILE" help:"${benchfigure_results}"`
	Out     string `default:"bench/img" placeholder:"DIR" help:"Where the .svg and .png files go (default: bench/img)."`
}

// Run draws the figures.
func (c *benchFigureCmd) Run(a *app) error {
	pages, err := bench.Figures(c.Results)
	if err != nil {
		return usageError{err}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	for name, page := range pages {
		for _, ext := range []string{".svg", ".png"} {
			if err := page.Save(filepath.Join(c.Out, name+ext)); err != nil {
				return err
			}
		}
	}
	return nil
}
