package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// ScoreOptions describes the scoring of a pair of encoders.
type ScoreOptions struct {
	Encoder string
	Width   float64
	Points  int // images scored
	Views   int // augmented views of each
	Size    int // height and width of the images
	Batch   int // views that go through an encoder at once
	Engine  tensor.Options
}

// ScoreResult is the speed of scoring. The time is that of the whole pass over
// both encoders with all taps, the making of the views included, and of nothing
// after it: no bootstrap, no files.
type ScoreResult struct {
	Encoder         string  `json:"encoder"`
	Width           float64 `json:"width"`
	Points          int     `json:"points"`
	Views           int     `json:"views"`
	Size            int     `json:"size"`
	Batch           int     `json:"batch"`
	Taps            int     `json:"taps"`
	Threads         int     `json:"threads"`
	ISA             string  `json:"isa"`
	Seconds         float64 `json:"seconds"`
	PointsPerSecond float64 `json:"points_per_s"`
	PeakRSS         int64   `json:"peak_rss_bytes"` // of the whole process; 0 where unknown
}

// Score times the scoring of two encoders with random weights on synthetic
// images: LayerMem with l2 over all pairs of views and UnitMem, at every tap, as
// locimem score does it.
func Score(o ScoreOptions) (*ScoreResult, error) {
	if o.Points < 2 || o.Points > 1<<20 || o.Views < 2 || o.Views > 1<<10 || o.Batch < 1 {
		return nil, fmt.Errorf("want 2 to %d points, 2 to %d views and a batch of at least 1, found %d, %d and %d",
			1<<20, 1<<10, o.Points, o.Views, o.Batch)
	}
	if !(o.Width > 0) {
		return nil, fmt.Errorf("width: want more than 0, found %v", o.Width)
	}
	// The images repeat: a large set of synthetic ones would take longer to make
	// than to score.
	images, err := data.NewSynthetic(data.SyntheticOptions{N: min(o.Points, 1000), Size: o.Size})
	if err != nil {
		return nil, err
	}
	views, err := augment.New(augment.SimCLR(), o.Size, o.Size, 3)
	if err != nil {
		return nil, err
	}
	var pair [2]nn.Encoder
	for i := range pair {
		if pair[i], err = nn.NewEncoder(o.Encoder, nn.EncoderOptions{Width: o.Width, InH: o.Size, InW: o.Size},
			uint64(i+1)); err != nil {
			return nil, err
		}
	}
	e, err := tensor.NewEngine(o.Engine)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	run := func(points int) (float64, error) {
		set := memorize.Images{Set: memorize.Set{Name: memorize.Candidate, Points: make([]int, points)}, Data: images}
		for i := range set.Points {
			set.Points[i] = i % images.Len()
		}
		so := memorize.DefaultOptions()
		so.Views, so.Batch, so.Resamples = o.Views, o.Batch, 39 // as few as there can be
		began, ended := time.Now(), time.Now()
		_, err := memorize.Score(context.Background(), e, pair[0], pair[1], []memorize.Images{set}, views, so,
			func(done, total int) { ended = time.Now() })
		return ended.Sub(began).Seconds(), err
	}
	if _, err := run(2 * max(1, o.Batch/o.Views)); err != nil { // untimed: buffers
		return nil, err
	}
	seconds, err := run(o.Points)
	if err != nil {
		return nil, err
	}
	return &ScoreResult{Encoder: o.Encoder, Width: o.Width, Points: o.Points, Views: o.Views, Size: o.Size,
		Batch: o.Batch, Taps: len(pair[0].Taps()), Threads: e.Threads(), ISA: e.ISA(), Seconds: seconds,
		PointsPerSecond: float64(o.Points) / seconds, PeakRSS: peakRSS()}, nil
}
