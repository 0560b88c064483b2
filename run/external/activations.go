package external

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/tensor"
)

// ArraysConfig names arrays that another program made, and where the scores go.
type ArraysConfig struct {
	F, G  string      // .npz of activations of f and g; of ScoreViews: encoders, safetensors
	Load  run.Loading // of both files of ScoreViews
	Views string      // of ScoreViews: .npz with the array views
	// Sets are the rows of each set, by its name; without any the files have them.
	Sets map[string]Indices
	// NCHW says whether five-dimensional arrays have their units before H and W; nil: no,
	// and arrays that look so are refused.
	NCHW *bool
	// Layers names the layers to score of ScoreActivations, or patterns; all if empty.
	Layers []string
	Out    string
}

// ScoreActivations scores layers whose activations are in files, by the score
// section of the recipe but for its taps and the number of views, which the files have. docs/
// score-your-own.md describes the files. Layers come in the order of f's file.
func ScoreActivations(ctx context.Context, r *recipe.Recipe, c ArraysConfig, rep run.Reporter) (*page.Summary, error) {
	var files [2]*arrayFile
	for side, path := range []string{c.F, c.G} {
		f, err := openArrays(path, c.NCHW)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		files[side] = f
	}
	sets, err := commonSets(files, c.Sets)
	if err != nil {
		return nil, err
	}
	for _, n := range files[0].notes(sets, c.Sets) {
		rep.Printf("note: %s", n)
	}
	o := r.ScoreOptions()
	if err := viewsOf(&o, files[0]); err != nil {
		return nil, err
	}
	o.Taps = c.Layers
	taps, err := commonLayers(files, o.Taps)
	if err != nil {
		return nil, err
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder for the scores: %w", err)
	}
	acc, err := memorize.NewAccumulator(e, o, taps, sets.sets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.F, err)
	}
	if sets.labels != nil && o.Units {
		if err := acc.WithLabels(sets.labels); err != nil {
			return nil, fmt.Errorf("%s: %w", c.F, err)
		}
	}
	began := time.Now()
	bar := rep.Bar("scores", "layers", 2*len(taps), 0)
	for t, tap := range taps {
		for side, f := range files {
			layer := slices.Index(f.layers, tap.Name)
			for in, err := range f.inputs(layer, sets) {
				if err == nil {
					err = ctx.Err()
				}
				if err == nil {
					err = acc.Add(memorize.Side(side), in.Set, t, in.X)
				}
				if err != nil {
					return nil, fmt.Errorf("scoring: %w", err)
				}
			}
			bar.Set(2*t + side + 1)
		}
	}
	scores, err := acc.Scores()
	if err != nil {
		return nil, fmt.Errorf("scoring: %w", err)
	}
	if r.Score.Alignment {
		scores.Alignments, err = memorize.AlignmentActivations(ctx, e, taps, sets.sets, o,
			func(tap int, side memorize.Side) iter.Seq2[memorize.Input, error] {
				f := files[side]
				return f.inputs(slices.Index(f.layers, taps[tap].Name), sets)
			})
		if err != nil {
			return nil, fmt.Errorf("scoring alignment matrices: %w", err)
		}
	}
	noteClasses(scores, sets, rep)
	bar.Finish("%d points, %d views, %d layers in %s", sets.points(), files[0].views, len(taps),
		progress.Duration(time.Since(began)))
	return finish(scores, r, c.Out, "activations "+filepath.Base(c.F)+" and "+filepath.Base(c.G))
}

// ScoreViews scores two encoders on views that another program made, the array
// views [points, views, H, W, channels] of a file, which are taken as they are.
func ScoreViews(ctx context.Context, r *recipe.Recipe, c ArraysConfig, rep run.Reporter) (*page.Summary, error) {
	v, err := openArrays(c.Views, c.NCHW)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if !slices.Equal(v.layers, []string{keyViews}) || len(v.shapes[0]) != 3 {
		return nil, fmt.Errorf("%s: found the arrays %s, expected %q, points x views x H x W x channels", c.Views,
			v.list(), keyViews)
	}
	sets, err := v.readSets(c.Sets)
	if err != nil {
		return nil, err
	}
	for _, n := range v.notes(sets, c.Sets) {
		rep.Printf("note: %s", n)
	}
	o := r.ScoreOptions()
	if err := viewsOf(&o, v); err != nil {
		return nil, err
	}
	if !o.Units {
		sets.labels = nil
	}
	var pair [2]nn.Encoder
	for i, path := range []string{c.F, c.G} {
		s := v.shapes[0]
		if pair[i], err = run.NewEncoder(r, s[0], s[1], s[2], 0); err != nil {
			return nil, err
		}
		if _, err := c.Load.Encoder(r, pair[i], [3]int(s), path, i, false, rep); err != nil {
			return nil, err
		}
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder for the scores: %w", err)
	}
	began := time.Now()
	total := sets.points()
	bar := rep.Bar("scores", "points", total, 0)
	inputs := batches(v.inputs(0, sets), v.views, o.BatchFor(pair[0], e.Threads()))
	scores, err := memorize.ScoreInputs(ctx, e, pair[0], pair[1], sets.sets, sets.labels, inputs, o,
		func(done, _ int) { bar.Set(done) })
	if err != nil {
		return nil, fmt.Errorf("scoring: %w", err)
	}
	if r.Score.Alignment {
		scores.Alignments, err = memorize.AlignmentInputs(ctx, e, pair[0], pair[1], sets.sets, inputs, o, nil)
		if err != nil {
			return nil, fmt.Errorf("scoring alignment matrices: %w", err)
		}
	}
	noteClasses(scores, sets, rep)
	bar.Finish("%d points, %d views, %d taps in %s", total, v.views, len(scores.Provenance.Taps),
		progress.Duration(time.Since(began)))
	return finish(scores, r, c.Out, fmt.Sprintf("%s, %s and %s on %s", r.Encoder.Name, filepath.Base(c.F),
		filepath.Base(c.G), filepath.Base(c.Views)))
}

// noteClasses says of which encoder there is no ClassMem although there are labels.
func noteClasses(s *memorize.Scores, sets *arraySets, rep run.Reporter) {
	for _, side := range memorize.Sides {
		if sets.labels != nil && s.Provenance.Options.Units && !slices.ContainsFunc(s.Classes,
			func(c memorize.ClassScore) bool { return c.Encoder == side.String() }) {
			rep.Printf("note: no ClassMem of %s: the points that it was trained on are of fewer than two classes", side)
		}
	}
}

// viewsOf sets the number of views to that of a file.
func viewsOf(o *memorize.Options, f *arrayFile) error {
	o.Views = f.views - o.Rows() + o.Views
	if f.views < 2 {
		return fmt.Errorf("%s: found %d view of each point, expected at least 2: alignment is a distance between views",
			f.path, f.views)
	}
	return nil
}

// commonSets returns the sets of both files, which must not contradict each other.
func commonSets(files [2]*arrayFile, lists map[string]Indices) (*arraySets, error) {
	f, g := files[0], files[1]
	if f.points != g.points || f.views != g.views {
		return nil, fmt.Errorf("%s has %d points with %d views, %s has %d with %d: expected the same", f.path, f.points,
			f.views, g.path, g.points, g.views)
	}
	sets, err := f.readSets(lists)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Concat(setKeys, []string{keyPoints, keyLabels}) {
		if !f.has(key) || !g.has(key) || len(lists) > 0 && slices.Contains(setKeys, key) {
			continue
		}
		a, err := f.listed(key)
		if err != nil {
			return nil, err
		}
		b, err := g.listed(key)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(a, b) {
			return nil, fmt.Errorf("array %q of %s is not that of %s: f and g must have the same points", key, f.path, g.path)
		}
	}
	return sets, nil
}

// listed returns the numbers in an array; of a set, its rows.
func (f *arrayFile) listed(key string) ([]int, error) {
	if slices.Contains(setKeys, key) {
		set, err := readSet(f.File, f.path, key)
		return set.List, err
	}
	v, _, err := readInts(f.File, f.path, key)
	return v, err
}

// commonLayers returns the layers of f that the patterns match, all without any.
// g must have them in the same shapes.
func commonLayers(files [2]*arrayFile, patterns []string) ([]memorize.Tap, error) {
	f, g := files[0], files[1]
	for _, pair := range [][2]*arrayFile{{f, g}, {g, f}} {
		for _, name := range pair[0].layers {
			if !slices.Contains(pair[1].layers, name) {
				return nil, fmt.Errorf("layer %q of %s is not in %s, which has %v", name, pair[0].path, pair[1].path,
					pair[1].layers)
			}
		}
	}
	var all []nn.TapInfo
	for i, name := range f.layers {
		if other := g.shapes[slices.Index(g.layers, name)]; !slices.Equal(f.shapes[i], other) {
			return nil, fmt.Errorf("layer %q has shape %v in %s and %v in %s: only encoders of one architecture can be "+
				"compared layer by layer",
				name, f.shapes[i], f.path, other, g.path)
		}
		all = append(all, nn.TapInfo{Name: name, Depth: i + 1, Shape: f.shapes[i]})
	}
	if len(patterns) > 0 {
		var err error
		if all, err = nn.SelectTaps(all, patterns); err != nil {
			return nil, fmt.Errorf("taps: %w", err)
		}
	}
	taps := make([]memorize.Tap, len(all))
	for i, t := range all {
		taps[i] = memorize.Tap{Name: t.Name, Depth: t.Depth}
	}
	return taps, nil
}

// finish writes tables and figures of scores that no run belongs to.
func finish(scores *memorize.Scores, r *recipe.Recipe, out, title string) (*page.Summary, error) {
	scores.Provenance.Seeds = map[string]uint64{"score": r.ScoreSeed()}
	if _, err := scores.WriteFiles(out); err != nil {
		return nil, fmt.Errorf("writing the scores: %w", err)
	}
	if err := buildinfo.Write(out); err != nil {
		return nil, fmt.Errorf("writing the scores: %w", err)
	}
	return page.Present(out, page.Input{Title: title, Options: scores.Provenance.Options})
}
