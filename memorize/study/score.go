package study

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/internal/strict"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/tensor"
)

// scoreFiles are the files that scores consist of. The last is written last.
var scoreFiles = []string{layerMemCSV, deltaCSV, unitMemCSV, unitMemGCSV, pointsCSV, scoresJSON}

// ScorePair scores the encoders f and g on the sets of the lab and writes the
// tables into the folder out, which is made if need be.
func ScorePair(ctx context.Context, e *tensor.Engine, l *Lab, f, g nn.Encoder, out string, rep Reporter) error {
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
	scores, err := memorize.Score(ctx, e, f, g, sets, l.Augment, l.Recipe.ScoreOptions(), func(done, _ int) { bar.Set(done) })
	if err != nil {
		return fmt.Errorf("scoring: %w", err)
	}
	c := &scores.Circumstances
	augmentation := map[string]any{}
	for _, f := range strict.Leaves(&l.Recipe.Augment) {
		augmentation[f.Path] = f.Value.Interface()
	}
	c.Recipe, c.Split, c.Augmentation = l.Recipe.Hash(), l.Split.Hash(), augmentation
	c.Seeds = map[string]uint64{"split": l.Recipe.SplitSeed(), "f": l.Recipe.TrainSeed(F), "g": l.Recipe.TrainSeed(G), "score": l.Recipe.ScoreSeed()}
	if _, err := scores.WriteFiles(out); err != nil {
		return fmt.Errorf("writing the scores: %w", err)
	}
	bar.Finish("%d points, %d views, %d taps in %s", total, l.Recipe.Score.Views, len(c.Taps), progress.Duration(time.Since(began)))
	return nil
}

// scored tells whether a folder holds complete scores of these encoders by this
// recipe on this split; others, put there by hand, are made anew.
func scored(dir string, l *Lab, f, g nn.Encoder) bool {
	for _, name := range scoreFiles {
		if !exists(filepath.Join(dir, name)) {
			return false
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, scoresJSON))
	if err != nil {
		return false
	}
	var s struct {
		Circumstances memorize.Circumstances `json:"circumstances"`
	}
	if json.Unmarshal(b, &s) != nil {
		return false
	}
	c := s.Circumstances
	return c.Recipe == l.Recipe.Hash() && c.Split == l.Split.Hash() &&
		c.WeightsF == nn.Hash(f.Params()) && c.WeightsG == nn.Hash(g.Params())
}

// ScoreConfig names the encoders to score and where the scores go.
type ScoreConfig struct {
	F, G string // safetensors files of encoders of the recipe's architecture
	// Prefix is what stands before the encoder's names in both files, where they
	// hold several (weights.LoadEncoder).
	Prefix string
	Split  string // split.json of the run; "": drawn anew by the recipe
	Out    string // folder of the tables
}

// Score scores two encoders from files, by the recipe. The scores of a run's own
// encoders are those of the run, bit for bit.
func Score(ctx context.Context, r *recipe.Recipe, c ScoreConfig, rep Reporter) (*Summary, error) {
	l, err := OpenLab(r)
	if err != nil {
		return nil, err
	}
	if c.Split != "" {
		if l.Split, err = data.ReadSplit(c.Split); err != nil {
			return nil, err
		}
		if err := l.Split.Verify(l.Train, l.Test); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Split, err)
		}
	}
	encoders := map[string]nn.Encoder{}
	for which, path := range map[string]string{F: c.F, G: c.G} {
		enc, err := l.Encoder(which)
		if err != nil {
			return nil, err
		}
		meta, err := LoadEncoder(path, c.Prefix, enc, rep)
		if err != nil {
			return nil, err
		}
		if meta[metaRecipe] != l.TrainID() {
			rep.Printf("note: %s was not trained by this recipe on this split; the scores take the split's word for what it has seen", path)
		} else if meta[metaEncoder] != which {
			rep.Printf("note: %s is given as %s but was trained as %s: signs are turned round", path, which, meta[metaEncoder])
		}
		encoders[which] = enc
	}
	e, err := newEngine(r, r.Train.Threads)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := ScorePair(ctx, e, l, encoders[F], encoders[G], c.Out, rep); err != nil {
		return nil, err
	}
	t, err := ReadTables(c.Out)
	if err != nil {
		return nil, fmt.Errorf("reading the scores back: %w", err)
	}
	o := r.ScoreOptions()
	return t.Summarize(o.Estimators[0], o.Distances[0], o.Level), nil
}
