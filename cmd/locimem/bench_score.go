package main

import (
	"github.com/locimem/locimem/bench"
	"github.com/locimem/locimem/tensor"
)

type benchScoreCmd struct {
	Encoder string  `default:"resnet9" placeholder:"NAME" help:"Encoder (default: resnet9)."`
	Width   float64 `default:"1" placeholder:"X" help:"Width factor of the encoder (default: 1)."`
	Points  int     `default:"500" placeholder:"N" help:"Images to score (default: 500)."`
	Views   int     `default:"10" placeholder:"N" help:"Augmented views of each image (default: 10)."`
	Size    int     `default:"32" placeholder:"N" help:"Height and width of the images (default: 32)."`
	Batch   int     `default:"250" placeholder:"N" help:"Views that go through an encoder at once (default: 250)."`
	Threads int     `default:"0" placeholder:"N" help:"Number of threads (default: all cores)."`
	ISA     string  `name:"isa" placeholder:"NAME" help:"Instruction set (default: the best; locimem version lists them)."`
	JSON    bool    `name:"json" help:"Write the result as JSON."`
}

// Run times the scoring of a pair of encoders.
func (c *benchScoreCmd) Run(a *app) error {
	r, err := bench.Score(bench.ScoreOptions{Encoder: c.Encoder, Width: c.Width, Points: c.Points, Views: c.Views,
		Size:  c.Size,
		Batch: c.Batch, Engine: tensor.Options{Threads: c.Threads, ISA: c.ISA}})
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return a.writeJSON(r)
	}
	a.printf("%s x%g, %d points with %d views, %d taps of f and g, %d threads, %s\n", r.Encoder, r.Width, r.Points,
		r.Views, r.Taps, r.Threads, r.ISA)
	a.printf("%.2f s, %.1f points/s; peak memory %.0f MiB\n", r.Seconds, r.PointsPerSecond, float64(r.PeakRSS)/(1<<20))
	return nil
}
