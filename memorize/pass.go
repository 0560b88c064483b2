package memorize

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Source holds images, such as a data.Dataset.
type Source interface {
	Name() string
	Len() int
	Shape() (h, w, c int) // the same for all images
	Label(i int) int      // class of image i, below 0 without one
	Image(i int) []uint8  // h*w*c bytes in the order row, column, channel
}

// Images is a set of points with the images that they are indices into.
type Images struct {
	Set
	Data Source
}

// Viewer makes the inputs of an encoder from an image; an augment.Augmenter is
// one. Its methods may be called from several goroutines at once.
type Viewer interface {
	// Shape returns height, width and channels of what it writes.
	Shape() (h, w, c int)
	// View writes one augmented view of img, a pure function of img and r.
	View(dst []float32, img []uint8, r *rand.Rand)
	// Original writes img itself, normalised as views are.
	Original(dst []float32, img []uint8)
}

// Score scores the encoders f and g, in evaluation mode, on all sets in one pass
// over the images. f and g see the same views: view v of the image with index i
// comes from the random stream (seed, "score-view", i, v). Activations are
// reduced as the layers put them out, so memory does not grow with the number of
// points but for one number a tap, distance and point and, where UnitMem takes the
// median, one a unit and point. progress, if not nil, is called with the number of
// points done. The given metrics come after those of this package and the registered
// ones.
//
// It returns an error for what NewAccumulator refuses, for encoders with
// different taps, for indices outside a data set, for activations that are NaN
// or infinite, and when ctx is cancelled.
func Score(ctx context.Context, e *tensor.Engine, f, g nn.Encoder, sets []Images, views Viewer, o Options,
	progress func(done, total int), metrics ...Metric) (*Scores, error) {
	plain := make([]Set, len(sets))
	for i, s := range sets {
		plain[i] = s.Set
		if err := s.check(sets[0].Data); err != nil {
			return nil, err
		}
	}
	p := pass{e: e, o: &o, views: views}
	return ScoreInputs(ctx, e, f, g, plain, nil, func(yield func(Input, error) bool) {
		for i, s := range sets {
			for points := range slices.Chunk(s.Points, max(1, o.BatchFor(f, e.Threads())/o.Rows())) {
				if !yield(Input{i, p.input(s.Data.Image, points)}, nil) {
					return
				}
			}
		}
	}, o, progress, metrics...)
}

// Input is what goes through both encoders at once: the rows of the next points
// of a set, [points*rows, H, W, C].
type Input struct {
	Set int // index into the sets
	X   *tensor.Tensor
}

// ScoreInputs is Score of inputs that were made elsewhere: as Accumulator.Add
// takes activations, they hold Options.Rows rows a point and come in the order of
// the points of each set. An input is used until the next is asked for. With
// labels, by set and point, it gives ClassMem too (Accumulator.WithLabels). An
// error among the inputs ends it.
func ScoreInputs(ctx context.Context, e *tensor.Engine, f, g nn.Encoder, sets []Set, labels [][]int,
	inputs iter.Seq2[Input, error], o Options, progress func(done, total int), metrics ...Metric) (*Scores, error) {
	taps, err := commonTaps(f, g, o.Taps)
	if err != nil {
		return nil, err
	}
	acc, err := NewAccumulator(e, o, taps, sets, metrics...)
	if err != nil {
		return nil, err
	}
	if labels != nil {
		if err := acc.WithLabels(labels); err != nil {
			return nil, err
		}
	}
	done, total := 0, 0
	for _, s := range sets {
		total += len(s.Points)
	}
	p := pass{e: e, acc: acc, tape: e.NewTape(tensor.Inference)}
	err = p.over(ctx, f, g, inputs, func(in Input) {
		if done += in.X.Dim(0) / o.Rows(); progress != nil {
			progress(done, total)
		}
	})
	if err != nil {
		return nil, err
	}
	scores, err := acc.Scores()
	if err != nil {
		return nil, err
	}
	scores.Provenance.WeightsF, scores.Provenance.WeightsG = nn.Hash(f.Params()), nn.Hash(g.Params())
	return scores, nil
}

// check returns an error unless all points are images of one shape.
func (s *Images) check(first Source) error {
	h, w, c := s.Data.Shape()
	if fh, fw, fc := first.Shape(); h != fh || w != fw || c != fc {
		return fmt.Errorf("set %s: images of %s are %dx%dx%d, those of %s %dx%dx%d", s.Name, s.Data.Name(), h, w, c,
			first.Name(), fh, fw, fc)
	}
	for _, p := range s.Points {
		if p < 0 || p >= s.Data.Len() {
			return fmt.Errorf("set %s: index %d is not in %s, which has %d images", s.Name, p, s.Data.Name(), s.Data.Len())
		}
	}
	return nil
}

// commonTaps returns the taps that match the patterns, all if there are none. It
// returns an error unless f and g have the same taps.
func commonTaps(f, g nn.Encoder, patterns []string) ([]Tap, error) {
	all := f.Taps()
	same := func(a, b nn.TapInfo) bool {
		return a.Name == b.Name && a.Depth == b.Depth && slices.Equal(a.Shape, b.Shape)
	}
	if !slices.EqualFunc(all, g.Taps(), same) {
		return nil,
			errors.New("f and g have different taps: only encoders of one architecture can be compared layer by layer")
	}
	if len(patterns) > 0 {
		var err error
		if all, err = nn.SelectTaps(all, patterns); err != nil {
			return nil, fmt.Errorf("taps: %w", err)
		}
	}
	taps := make([]Tap, len(all))
	for i, t := range all {
		taps[i] = Tap{Name: t.Name, Depth: t.Depth}
	}
	return taps, nil
}

// pass is what the batches of one pass share.
type pass struct {
	e     *tensor.Engine
	o     *Options
	views Viewer
	acc   *Accumulator
	tape  *tensor.Tape
	pixel []float32 // of the largest batch
}

// input returns the views of the points, [points*rows, H, W, C]. It is
// overwritten by the next call.
func (p *pass) input(image func(int) []uint8, points []int) *tensor.Tensor {
	h, w, c := p.views.Shape()
	size, rows := h*w*c, p.o.Rows()
	n := len(points) * rows
	p.pixel = slices.Grow(p.pixel[:0], n*size)[:n*size]
	p.e.Parallel(n, func(i, _ int) {
		index, v := points[i/rows], i%rows
		dst, img := p.pixel[i*size:][:size], image(index)
		if p.o.Mode == Original {
			if v == 0 {
				p.views.Original(dst, img)
				return
			}
			v--
		}
		p.views.View(dst, img, rng.New(p.o.Seed, "score-view", uint64(index), uint64(v)))
	})
	return tensor.FromSlice(p.pixel, n, h, w, c)
}

// over runs f and g on inputs, one after the other, and calls done after each.
func (p *pass) over(ctx context.Context, f, g nn.Encoder, inputs iter.Seq2[Input, error], done func(Input)) error {
	for in, err := range inputs {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for side, encoder := range []nn.Encoder{f, g} {
			if err := p.forward(Side(side), encoder, in.Set, in.X); err != nil {
				return err
			}
		}
		done(in)
	}
	return nil
}

// forward runs an encoder on the views of points of a set and adds its
// activations.
func (p *pass) forward(side Side, encoder nn.Encoder, set int, x *tensor.Tensor) error {
	defer p.tape.Release()
	l := &listener{hearing: hearing{taps: p.acc.plan.Taps}, acc: p.acc, side: side, set: set}
	encoder.Forward(&nn.Context{Tape: p.tape, Taps: l}, x)
	return l.err
}

// hearing is what the listeners of this package have in common: they want the
// taps that are scored, until the first error. It is all of nn.Taps but Got.
type hearing struct {
	taps []Tap
	err  error // the first one
}

// tap returns the index of the tap of that name among those scored, or -1.
func (l *hearing) tap(name string) int {
	return slices.IndexFunc(l.taps, func(t Tap) bool { return t.Name == name })
}

// Wants implements nn.Taps.
func (l *hearing) Wants(name string) bool { return l.err == nil && l.tap(name) >= 0 }

// listener hands activations to an accumulator. It implements nn.Taps.
type listener struct {
	hearing
	acc  *Accumulator
	side Side
	set  int
}

// Got implements nn.Taps.
func (l *listener) Got(name string, t *tensor.Tensor) {
	if l.err == nil {
		l.err = l.acc.Add(l.side, l.set, l.tap(name), t)
	}
}
