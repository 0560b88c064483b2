package main

import (
	"fmt"
	"runtime"

	"github.com/klauspost/cpuid/v2"

	"github.com/locimem/locimem/bench"
	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/tensor"
)

type benchCmd struct {
	Conv  benchConvCmd  `cmd:"" help:"Time the convolutions of an encoder, one by one."`
	Gemm  benchGemmCmd  `cmd:"" help:"Time the product of two matrices."`
	Step  benchStepCmd  `cmd:"" help:"Time a SimCLR training step."`
	MAE   benchMAECmd   `cmd:"" name:"mae" help:"Time a training step of a masked autoencoder."`
	Score benchScoreCmd `cmd:"" help:"Time the scoring of a pair of encoders."`

	All       benchAllCmd       `cmd:"" default:"withargs" help:"Time all that needs no other program, beside the peak of this machine (the default)."`
	Peak      benchPeakCmd      `cmd:"" help:"Measure the peak of this machine: multiply-adds on registers alone, reading from memory."`
	Ladder    benchLadderCmd    `cmd:"" help:"Time one product from three loops to the engine's own, step by step."`
	Figure    benchFigureCmd    `cmd:"" help:"Draw the figures of bench/results.json."`
	Attention benchAttentionCmd `cmd:"" help:"Time the attention and the MLP of a transformer block."`
}

// engineFlags choose how to compute.
type engineFlags struct {
	Threads int    `default:"0" placeholder:"N" help:"Number of threads (default: all cores)."`
	ISA     string `name:"isa" placeholder:"NAME" help:"Instruction set (default: the best; locimem version lists them)."`
	Reps    int    `default:"20" placeholder:"N" help:"Timed repetitions; their median counts (default: 20)."`
	JSON    bool   `name:"json" help:"Write the result as JSON."`
}

func (f *engineFlags) options() tensor.Options { return tensor.Options{Threads: f.Threads, ISA: f.ISA} }

type benchGemmCmd struct {
	engineFlags
	M int `name:"m" default:"1024" placeholder:"N" help:"Rows of the result (default: 1024)."`
	N int `name:"n" default:"1024" placeholder:"N" help:"Columns of the result (default: 1024)."`
	K int `name:"k" default:"1024" placeholder:"N" help:"Length of the sums (default: 1024)."`

	TransA bool `help:"The first matrix is stored transposed, as in the gradient of a weight."`
	TransB bool `help:"The second matrix is stored transposed, as a linear layer's weight is."`
}

// Run times matrix products.
func (c *benchGemmCmd) Run(a *app) error {
	r, err := bench.Gemm(bench.GemmOptions{Reps: c.Reps, Engine: c.options(),
		Shape: bench.Shape{M: c.M, N: c.N, K: c.K, TransA: c.TransA, TransB: c.TransB}})
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("%dx%dx%d, %d threads, %s: %.3f ms, %.1f GFLOP/s (best %.1f), %.0f %% of this machine's peak\n",
		r.M, r.N, r.K, r.Threads, r.ISA, r.Millis, r.GFLOPS, r.Best, 100*r.Share())
	return nil
}

type benchConvCmd struct {
	engineFlags
	Net      string `default:"resnet9" placeholder:"NAME" help:"resnet9, resnet18 (of CIFAR) or resnet50 (default: resnet9)."`
	Batch    int    `default:"0" placeholder:"N" help:"Images (default: 512, 128 and 8 in turn)."`
	Layer    string `placeholder:"TEXT" help:"Only layers whose names contain the text."`
	Winograd int    `placeholder:"M" help:"Largest tile of Winograd's convolution: 2 or 4 (default: 0, none)."`
}

// Run times convolutions.
func (c *benchConvCmd) Run(a *app) error {
	engine := c.options()
	engine.Winograd = c.Winograd
	r, err := bench.Conv(bench.ConvOptions{Net: c.Net, Batch: c.Batch, Layer: c.Layer, Reps: c.Reps, Engine: engine})
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("%s, batch %d, %d threads, %s; the padding's products counted\n", r.Net, r.Batch, r.Threads, r.ISA)
	for _, p := range r.Convs {
		shape := fmt.Sprintf("%dx%dx%d -> %d, %dx%d/%d", p.Size, p.Size, p.C, p.K, p.Kernel, p.Kernel, p.Stride)
		a.printf("%-20s %-28s x%d %-8s %9.3f ms %7.1f GFLOP/s (best %.1f)\n", p.Name, shape, p.Count, p.Pass, p.Millis, p.GFLOPS, p.Best)
	}
	return nil
}

type benchStepCmd struct {
	engineFlags
	Encoder string  `default:"resnet9" placeholder:"NAME" help:"Encoder (default: resnet9)."`
	Width   float64 `default:"1" placeholder:"X" help:"Width factor of the encoder (default: 1)."`
	Batch   int     `default:"256" placeholder:"N" help:"Images of a step (default: 256)."`
	Size    int     `default:"32" placeholder:"N" help:"Height and width of the images (default: 32)."`

	Precision string `default:"float32" placeholder:"NAME" help:"float32 or bf16 (default: float32)."`
	Winograd  int    `placeholder:"M" help:"Largest tile of Winograd's convolution: 2 or 4 (default: 0, none)."`
}

// Run times training steps.
func (c *benchStepCmd) Run(a *app) error {
	engine := c.options()
	engine.Precision, engine.Winograd = c.Precision, c.Winograd
	r, err := bench.Step(bench.StepOptions{Encoder: c.Encoder, Width: c.Width, Batch: c.Batch, Size: c.Size, Reps: c.Reps, Engine: engine})
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("%s x%g, batch %d of %dx%d, %d threads, %s, %s\n", r.Encoder, r.Width, r.Batch, r.Size, r.Size, r.Threads, r.ISA, r.Precision)
	a.printf("views %.1f ms, step %.1f ms, together %.1f ms: %.0f images/s; peak memory %.0f MiB\n",
		r.ViewsMillis, r.StepMillis, r.TotalMillis, r.ImagesPerSecond, float64(r.PeakRSS)/(1<<20))
	return nil
}

type benchAttentionCmd struct {
	engineFlags
	Tokens int `default:"65" placeholder:"N" help:"Tokens of a sequence (default: 65)."`
	Batch  int `default:"64" placeholder:"N" help:"Sequences (default: 64)."`
	Dim    int `default:"192" placeholder:"N" help:"Numbers of a token (default: 192)."`
	Heads  int `default:"3" placeholder:"N" help:"Heads (default: 3)."`
}

// Run times the halves of a transformer block.
func (c *benchAttentionCmd) Run(a *app) error {
	r, err := bench.Attention(bench.AttentionOptions{Tokens: c.Tokens, Batch: c.Batch, Dim: c.Dim, Heads: c.Heads, Reps: c.Reps, Engine: c.options()})
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("batch %d of %d tokens, dim %d, %d heads, %d threads, %s; forward + backward\n", r.Batch, r.Tokens, r.Dim, r.Heads, r.Threads, r.ISA)
	a.printf("attention alone %.2f + %.2f ms (%.0f and %.0f GFLOP/s), attention block %.2f + %.2f ms, MLP block %.2f + %.2f ms\n",
		r.CoreForward, r.CoreBackward, r.CoreForwardGFLOPS, r.CoreBackwardGFLOPS, r.BlockForward, r.BlockBackward, r.MLPForward, r.MLPBackward)
	return nil
}

type versionCmd struct {
	JSON bool `name:"json" help:"Write it as JSON."`
}

// version is what locimem version tells.
type version struct {
	Version string           `json:"version"`
	Go      string           `json:"go"`
	System  string           `json:"system"`
	CPU     string           `json:"cpu"`
	Cores   int              `json:"cores"`
	ISA     string           `json:"isa"` // in use
	ISAs    []tensor.ISAInfo `json:"isas"`
}

// Run shows version, processor and instruction sets.
func (c *versionCmd) Run(a *app) error {
	v := version{Version: buildinfo.Version(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpuid.CPU.BrandName, Cores: runtime.NumCPU(), ISAs: tensor.ISAs()}
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	if err != nil {
		return usageError{err}
	}
	v.ISA = e.ISA()
	e.Close()
	if c.JSON {
		return a.writeJSON(v)
	}
	a.printf("locimem %s, %s, %s\n%s, %d cores\ninstruction sets:\n", v.Version, v.Go, v.System, v.CPU, v.Cores)
	for _, i := range v.ISAs {
		state := "can be used"
		switch {
		case i.Name == v.ISA:
			state = "in use"
		case i.Missing != "":
			state = "cannot be used: the CPU lacks " + i.Missing
		}
		bf16 := "bf16 by " + i.BF16
		if i.BF16 == "generic" {
			bf16 = "bf16 emulated"
		}
		if i.BF16Missing != "" {
			bf16 += ": the CPU lacks " + i.BF16Missing
		}
		a.printf("  %-8s %s; %s\n", i.Name, state, bf16)
	}
	return nil
}
