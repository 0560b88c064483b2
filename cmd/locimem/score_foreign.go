package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/external"
	"github.com/locimem/locimem/run/page"
)

// encoderFlags describe an encoder that was not trained here and the images that
// it is shown. What they leave open has the value of the default recipe.
type encoderFlags struct {
	Encoder string   `placeholder:"NAME" help:"${encoder_encoder}"`
	Width   *float64 `placeholder:"X" help:"Width factor of the encoder (default: 1)."`
	Stem    string   `placeholder:"NAME" help:"${encoder_stem}"`
	Norm    string   `placeholder:"NAME" help:"Its norm: batch or group (default: batch)."`
	Pool    string   `placeholder:"NAME" help:"${encoder_pool}"`
	Data    string   `placeholder:"NAME" help:"${encoder_data}"`
	DataDir string   `placeholder:"DIR" help:"Folder of the files of --data."`
	Tap     []string `placeholder:"PATTERN" help:"Layers to score, names or patterns such as conv*; default: all."`
}

// sets returns the assignments to the fields of a recipe that the flags stand
// for, or where they are not given the file of weights, if it says something. The
// split is a formality: smallest numbers that every data set can give.
func (f *encoderFlags) sets(weights string) ([]string, error) {
	name, dir := f.Data, f.DataDir
	if info, err := os.Stat(name); err == nil && info.IsDir() && dir == "" && !slices.Contains(dataNames(), name) {
		name, dir = "folder", name // a folder of images
	}
	sets := []string{"name=score", "encoder.pool=auto", "split.shared=2", "split.candidate=2", "split.independent=2",
		"split.external=0",
		"train.batch=2", "knn.every=0", "knn.k=1", "knn.test=0", "encoder.width=1"}
	if weights != "" {
		told, size, err := run.FileSettings(weights)
		if err != nil && f.Encoder == "" { // else loading says it
			return nil, err
		}
		if f.Encoder == "" && told == nil {
			return nil, usageError{fmt.Errorf("%s does not say of which encoder it is: --encoder NAME is needed", weights)}
		}
		// Another architecture is not that of the file, whose other fields are not its own.
		if f.Encoder == "" || slices.Contains(told, "encoder.name="+f.Encoder) {
			sets = append(sets, told...)
			switch name {
			case "folder":
				sets = append(sets, fmt.Sprintf("data.folder.size=[%d, %d]", size[0], size[1]))
			case "synthetic":
				sets = append(sets, fmt.Sprintf("data.synthetic.size=%d", size[0]))
			}
		}
	}
	if f.Width != nil {
		sets = append(sets, fmt.Sprintf("encoder.width=%g", *f.Width))
	}
	for _, s := range []struct{ field, value string }{{"encoder.name", f.Encoder}, {"encoder.pool", f.Pool},
		{"encoder.stem", f.Stem}, {"encoder.norm", f.Norm}, {"data.name", name}, {"data.dir", dir}} {
		if s.value != "" {
			sets = append(sets, s.field+"="+strconv.Quote(s.value))
		}
	}
	if len(f.Tap) > 0 {
		sets = append(sets, "score.taps="+quotedList(f.Tap))
	}
	return sets, nil
}

// dataNames returns the names that data.name may have.
func dataNames() []string {
	names := []string{"synthetic"}
	for _, s := range data.Sources() {
		names = append(names, s.Name)
	}
	return names
}

// quotedList returns names as a YAML list.
func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// setFlags choose the four sets by lists of indices.
type setFlags struct {
	Candidate   string `placeholder:"LIST" help:"${set_candidate}"`
	Shared      string `placeholder:"LIST" help:"Images that both were trained on."`
	Independent string `placeholder:"LIST" help:"Images that g was trained on and f was not."`
	External    string `placeholder:"LIST" help:"Images that neither was trained on; of the test part of --data."`
}

// lists reads the lists that are given, by the name of their set.
func (f *setFlags) lists() (map[string][]int, error) {
	out := map[string][]int{}
	for name, spec := range map[string]string{memorize.Candidate: f.Candidate, memorize.Shared: f.Shared,
		memorize.Independent: f.Independent, memorize.External: f.External} {
		if spec == "" {
			continue
		}
		list, err := external.ReadIndices(spec, name)
		if err != nil {
			return nil, usageError{fmt.Errorf("--%w", err)}
		}
		out[name] = list
	}
	return out, nil
}

// foreignFlags are the flags of locimem score for what was not made here.
type foreignFlags struct {
	encoderFlags
	setFlags
	Views       string   `placeholder:"N|FILE" help:"${foreign_views}"`
	Distance    []string `placeholder:"NAME" help:"${foreign_distance}"`
	Points      int      `default:"-1" placeholder:"N" help:"${foreign_points}"`
	Activations bool     `help:"${foreign_activations}"`
	NCHW        bool     `name:"nchw" help:"Maps in .npz files have their channels before height and width."`
	Files       []string `arg:"" optional:"" help:"The files of --activations."`
}

// given tells whether any of them is there that only makes sense without a run
// and a recipe.
func (f *foreignFlags) given() bool {
	return f.Encoder != "" || f.Activations || f.Data != "" || f.Candidate+f.Shared+f.Independent+f.External+f.Views != ""
}

// recipe returns the settings of scoring.
func (f *foreignFlags) recipe(weights string, set []string) (*recipe.Recipe, error) {
	sets, err := f.sets(weights)
	if err != nil {
		return nil, err
	}
	if n, err := strconv.Atoi(f.Views); err == nil {
		sets = append(sets, fmt.Sprintf("score.views=%d", n))
	}
	if len(f.Distance) > 0 {
		sets = append(sets, "score.distances="+quotedList(f.Distance))
	}
	for _, s := range []string{"shared", "candidate", "independent", "external"} {
		sets = append(sets, fmt.Sprintf("score.points.%s=%d", s, max(0, f.Points)))
	}
	return loadRecipe("", append(sets, set...))
}

// run scores what was not made here.
func (f *foreignFlags) run(a *app, c *scoreCmd) (*page.Summary, error) {
	lists, err := f.lists()
	if err != nil {
		return nil, err
	}
	if f.Activations {
		if len(f.Files) != 2 {
			return nil, usageError{fmt.Errorf("--activations: found %d files, expected two, f.npz and g.npz", len(f.Files))}
		}
		layers := f.Tap
		f.Tap = nil // in a recipe they would be those of its encoder
		if len(c.Check)+len(c.Ignore)+len(c.Rename)+len(c.Prefix) > 0 {
			return nil, usageError{errors.New("--check, --prefix, --ignore and --rename are about weights, found --activations")}
		}
		r, err := f.recipe("", c.Set)
		if err != nil {
			return nil, err
		}
		return external.ScoreActivations(a.ctx, r, external.ArraysConfig{F: f.Files[0], G: f.Files[1], Sets: lists,
			Layers: layers, NCHW: f.NCHW, Out: c.Out}, reporter{a.ui})
	}
	if c.F == "" || c.G == "" {
		return nil,
			usageError{errors.New("encoders that were not trained here need --f FILE and --g FILE, and --encoder NAME " +
				"where these do not say it")}
	}
	if _, err := strconv.Atoi(f.Views); f.Views != "" && err != nil {
		r, err := f.recipe(c.F, c.Set)
		if err != nil {
			return nil, err
		}
		return external.ScoreViews(a.ctx, r, external.ArraysConfig{F: c.F, G: c.G, Load: loading(c.nameFlags, c.checkFlags),
			Views: f.Views, Sets: lists, NCHW: f.NCHW, Out: c.Out}, reporter{a.ui})
	}
	if f.Data == "" {
		return nil, usageError{errors.New("--data NAME is not given: which images were the encoders trained on?")}
	}
	conf := run.ScoreConfig{F: c.F, G: c.G, Load: loading(c.nameFlags, c.checkFlags), Out: c.Out, Foreign: true}
	set := c.Set
	switch {
	case len(lists) > 0 && c.Split != "":
		return nil, usageError{errors.New("--split and lists of single sets are both given")}
	case c.Split == "paper":
		p := data.PaperRanges()
		set = append([]string{"split.mode=paper", fmt.Sprintf("split.shared=%d", p.Shared[1]),
			fmt.Sprintf("split.candidate=%d", p.Candidate[1]-p.Candidate[0]),
			fmt.Sprintf("split.independent=%d", p.Independent[1]-p.Independent[0]), fmt.Sprintf("split.external=%d",
				p.External[1])}, set...)
	case c.Split != "":
		conf.Split = c.Split
	case len(lists) > 0:
		conf.Sets = &data.SplitSets{Shared: lists[memorize.Shared], Candidate: lists[memorize.Candidate],
			Independent: lists[memorize.Independent], External: lists[memorize.External]}
	default:
		return nil,
			usageError{errors.New("which images is each encoder trained on? Give --split FILE (a split.json), --split " +
				"paper, or lists: --candidate, --shared, --independent, --external")}
	}
	if f.Points < 0 {
		conf.SharedAsCandidates = true
	}
	r, err := f.recipe(c.F, set)
	if err != nil {
		return nil, err
	}
	return run.Score(a.ctx, r, conf, reporter{a.ui})
}
