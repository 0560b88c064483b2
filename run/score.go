package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/tensor"
)

// ScorePair scores the encoders f and g on the sets of the setup and writes the
// tables into the folder out, which it creates if it is missing.
func ScorePair(ctx context.Context, e *tensor.Engine, l *Setup, f, g nn.Encoder, out string, rep Reporter) error {
	// An unwritable folder is better noticed before the work than after it.
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the folder for the scores: %w", err)
	}
	sets := l.Sets()
	total := 0
	for _, s := range sets {
		total += len(s.Points)
	}
	began := time.Now()
	bar := rep.Bar("scores", "points", total, 0)
	scores, err := memorize.Score(ctx, e, f, g, sets, l.ScoreViews, l.Recipe.ScoreOptions(),
		func(done, _ int) { bar.Set(done) })
	if err != nil {
		return fmt.Errorf("scoring: %w", err)
	}
	if scores.Classes, err = classMem(ctx, e, l, f, g, rep); err != nil {
		return fmt.Errorf("scoring classes: %w", err)
	}
	if scores.Alignments, err = alignmentMem(ctx, e, l, f, g, sets, rep); err != nil {
		return fmt.Errorf("scoring alignment matrices: %w", err)
	}
	c := &scores.Provenance
	c.Split, c.Augmentation = l.Split.Hash(), recipe.Augmentation(l.Recipe.ScoreView())
	c.Seeds = map[string]uint64{"score": l.Recipe.ScoreSeed()}
	if !l.Foreign {
		c.Recipe = l.Recipe.Hash()
		c.Seeds["split"] = l.Recipe.SplitSeed()
		for _, side := range memorize.Sides {
			c.Seeds[side.String()] = l.Recipe.TrainSeed(side)
		}
	}
	if _, err := scores.WriteFiles(out); err != nil {
		return fmt.Errorf("writing the scores: %w", err)
	}
	if err := buildinfo.Write(out); err != nil {
		return fmt.Errorf("writing the scores: %w", err)
	}
	bar.Finish("%d points, %d views, %d taps in %s", total, l.Recipe.Score.Views, len(c.Taps),
		progress.Duration(time.Since(began)))
	return nil
}

// classMem returns ClassMem of f and then g over their own training images; nil
// where units are not scored, or the images are all of one class or have none.
func classMem(ctx context.Context, e *tensor.Engine, l *Setup, f, g nn.Encoder,
	rep Reporter) ([]memorize.ClassScore, error) {
	if !l.Recipe.Score.Units {
		return nil, nil
	}
	for _, side := range memorize.Sides {
		classes := map[int]bool{}
		for _, i := range l.TrainIndices(side) {
			classes[l.Train.Label(i)] = true
		}
		if len(classes) < 2 || classes[-1] {
			rep.Printf("note: no ClassMem: the training images of %s are all of one class, or without classes", side)
			return nil, nil
		}
	}
	var out []memorize.ClassScore
	began := time.Now()
	total := len(l.TrainIndices(memorize.F)) + len(l.TrainIndices(memorize.G))
	bar := rep.Bar("classes", "images", total, 0)
	before := 0
	for side, enc := range []nn.Encoder{f, g} {
		indices := l.TrainIndices(memorize.Sides[side])
		train := memorize.Images{Set: memorize.Set{Name: "train", Points: indices}, Data: l.Train}
		scores, err := memorize.ClassMem(ctx, e, memorize.Side(side), enc, train, l.Augment, l.Recipe.ScoreOptions(),
			func(done int) { bar.Set(before + done) })
		if err != nil {
			return nil, err
		}
		out, before = append(out, scores...), len(indices)
	}
	bar.Finish("%d images of %d classes in %s", total, len(l.Train.Classes()), progress.Duration(time.Since(began)))
	return out, nil
}

// alignmentMem returns alignment-matrix LayerMem where the recipe asks for it.
func alignmentMem(ctx context.Context, e *tensor.Engine, l *Setup, f, g nn.Encoder, sets []memorize.Images,
	rep Reporter) ([]memorize.AlignmentScore, error) {
	if !l.Recipe.Score.Alignment {
		return nil, nil
	}
	began := time.Now()
	var bar Bar
	out, err := memorize.AlignmentMem(ctx, e, f, g, sets, l.ScoreViews, l.Recipe.ScoreOptions(), func(done, total int) {
		if bar == nil {
			bar = rep.Bar("alignment", "points", total, 0)
		}
		bar.Set(done)
	})
	if err != nil {
		return nil, err
	}
	bar.Finish("alignment matrices of %d taps and sets in %s", len(out), progress.Duration(time.Since(began)))
	return out, nil
}

// scored tells whether a folder holds complete scores of these encoders by this
// recipe on this split; scores of others are computed again.
func scored(dir string, l *Setup, f, g nn.Encoder) bool {
	for _, name := range memorize.Files() {
		if !exists(filepath.Join(dir, name)) {
			return false
		}
	}
	c, err := memorize.ReadProvenance(dir)
	if err != nil {
		return false
	}
	return c.Recipe == l.Recipe.Hash() && c.Split == l.Split.Hash() &&
		c.WeightsF == nn.Hash(f.Params()) && c.WeightsG == nn.Hash(g.Params())
}

// ScoreConfig names the encoders to score and where the scores go.
type ScoreConfig struct {
	F, G  string  // safetensors files of encoders of the recipe's architecture
	Load  Loading // of both files
	Split string  // split.json of the run; "": drawn anew by the recipe
	Out   string  // folder of the tables
	// Sets, or Ranges, are chosen instead of those of Split or of the recipe, if not nil.
	Sets   *data.SplitSets
	Ranges *data.SplitRanges
	// CheckSets, if not nil, returns what is wrong with Sets for parts of so many images.
	CheckSets func(train, test int) error
	// Foreign encoders were not trained here: the recipe is nothing but a list of
	// settings for scoring, and the scores do not name it.
	Foreign bool
	// SharedAsCandidates limits the shared points scored to the number of the
	// candidates: as a control more of them would tell little more.
	SharedAsCandidates bool
	// TablesOnly leaves figures and report out, and then there is no Summary: a
	// step of a study, whose own report is read, needs neither.
	TablesOnly bool
}

// NoControl is what to know of scores without independents.
const NoControl = "there are no independents (images that g was trained on and f was not), so there is no " +
	"controlled score, and the raw one cannot tell memorization from a bias of the pair"

// open opens the data and takes the sets from where they are.
func (c *ScoreConfig) open(r *recipe.Recipe) (*Setup, error) {
	if c.Sets == nil && c.Ranges == nil && c.Split == "" {
		return Open(r)
	}
	return open(r, func(train, test data.Dataset) (*data.Split, error) {
		switch {
		case c.Sets != nil:
			if c.CheckSets != nil {
				if err := c.CheckSets(train.Len(), test.Len()); err != nil {
					return nil, err
				}
			}
			return data.SplitOf(train, test, *c.Sets)
		case c.Ranges != nil:
			return data.MakeSplit(train, test, data.SplitOptions{Seed: r.SplitSeed(), Ranges: c.Ranges})
		}
		split, err := data.ReadSplit(c.Split)
		if err != nil {
			return nil, err
		}
		if err := split.Verify(train, test); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Split, err)
		}
		return split, nil
	})
}

// Score scores two encoders from files, by the recipe. The scores of a run's own
// encoders are those of the run, bit for bit.
func Score(ctx context.Context, r *recipe.Recipe, c ScoreConfig, rep Reporter) (*page.Summary, error) {
	l, err := c.open(r)
	if err != nil {
		return nil, err
	}
	l.Foreign = c.Foreign
	if len(l.Split.Independent) == 0 {
		rep.Printf("note: %s", NoControl)
	}
	if c.SharedAsCandidates {
		r.Score.Points.Shared = len(l.Split.Candidate)
	}
	encoders := map[memorize.Side]nn.Encoder{}
	for i, path := range []string{c.F, c.G} {
		side := memorize.Sides[i]
		enc, err := l.Encoder(side)
		if err != nil {
			return nil, err
		}
		meta, err := c.Load.Encoder(r, enc, l.shape(), path, i, true, rep)
		if err != nil {
			return nil, err
		}
		if c.Foreign {
			encoders[side] = enc
			continue
		}
		if meta[metaRecipe] != l.TrainID() {
			rep.Printf("note: %s was not trained by this recipe on this split; the scores assume that it was trained on the "+
				"images of the split", path)
		} else if meta[metaEncoder] != side.String() {
			rep.Printf("note: %s is given as %s but was trained as %s: signs are turned round", path, side, meta[metaEncoder])
		}
		encoders[side] = enc
	}
	e, err := newEngine(r, r.Train.Threads)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := ScorePair(ctx, e, l, encoders[memorize.F], encoders[memorize.G], c.Out, rep); err != nil {
		return nil, err
	}
	if c.TablesOnly {
		return nil, nil
	}
	in := page.Input{Title: r.RunName(), Note: r.Describe(), Options: r.ScoreOptions(), Recipe: r,
		Train: l.Train, Test: l.Test}
	if c.Foreign {
		in.Title = fmt.Sprintf("%s, %s and %s", r.Encoder.Name, filepath.Base(c.F), filepath.Base(c.G))
		in.Note, in.Recipe = l.Train.Name()+" and "+l.Test.Name(), nil
	}
	return page.Present(c.Out, in)
}
