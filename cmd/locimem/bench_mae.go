package main

import "github.com/locimem/locimem/bench"

type benchMAECmd struct {
	engineFlags
	Encoder   string `default:"vit_tiny_patch2" placeholder:"NAME" help:"Vision transformer (default: vit_tiny_patch2)."`
	Batch     int    `default:"64" placeholder:"N" help:"Images of a step (default: 64)."`
	Size      int    `default:"32" placeholder:"N" help:"Height and width of the images (default: 32)."`
	Precision string `default:"float32" placeholder:"NAME" help:"float32 or bf16 (default: float32)."`
}

// Run times training steps of a masked autoencoder.
func (c *benchMAECmd) Run(a *app) error {
	engine := c.options()
	engine.Precision = c.Precision
	r, err := bench.MAE(bench.MAEOptions{Encoder: c.Encoder, Batch: c.Batch, Size: c.Size, Reps: c.Reps, Engine: engine})
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("%s, batch %d of %dx%d, %d threads, %s, %s\n", r.Encoder, r.Batch, r.Size, r.Size, r.Threads, r.ISA,
		r.Precision)
	a.printf("MAE step %.1f ms: %.0f images/s; peak memory %.0f MiB\n", r.StepMillis, r.ImagesPerSecond,
		float64(r.PeakRSS)/(1<<20))
	return nil
}
