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

// request returns the recipe that the file of weights stands for, if it says something,
// and the flags, which come over it.
func (f *encoderFlags) request(weights string) (q recipe.Request, flags flagSets, err error) {
	name, dir := f.Data, f.DataDir
	if info, err := os.Stat(name); err == nil && info.IsDir() && dir == "" && !slices.Contains(dataNames(), name) {
		name, dir = "folder", name // a folder of images
	}
	q = recipe.Request{Own: []string{"name=score", "encoder.pool=auto", "encoder.width=1"}}
	if weights != "" {
		told, size, err := run.FileSettings(weights)
		if err != nil && f.Encoder == "" { // else loading says it
			return q, nil, err
		}
		if f.Encoder == "" && told == nil {
			return q, nil, usageError{fmt.Errorf("%s does not say of which encoder it is: --encoder NAME is needed", weights)}
		}
		// Another architecture is not that of the file, whose other fields are not its own.
		if f.Encoder == "" || slices.Contains(told, "encoder.name="+f.Encoder) {
			q.Own = append(q.Own, told...)
			switch name {
			case "folder":
				q.Own = append(q.Own, fmt.Sprintf("data.folder.size=[%d, %d]", size[0], size[1]))
			case "synthetic":
				q.Own = append(q.Own, fmt.Sprintf("data.synthetic.size=%d", size[0]))
			}
		}
	}
	if f.Width != nil {
		flags = append(flags, [2]string{"width", fmt.Sprintf("encoder.width=%g", *f.Width)})
	}
	for _, s := range []struct{ flag, field, value string }{{"encoder", "encoder.name", f.Encoder},
		{"pool", "encoder.pool", f.Pool}, {"stem", "encoder.stem", f.Stem}, {"norm", "encoder.norm", f.Norm},
		{"data", "data.name", name}, {"data-dir", "data.dir", dir}} {
		if s.value != "" {
			flags = append(flags, [2]string{s.flag, s.field + "=" + strconv.Quote(s.value)})
		}
	}
	if len(f.Tap) > 0 {
		flags = append(flags, [2]string{"tap", "score.taps=" + quotedList(f.Tap)})
	}
	return q, flags, nil
}

// assigns tells whether one of some assignments is to a field.
func assigns(sets []string, field string) bool {
	return slices.ContainsFunc(sets, func(s string) bool { return strings.HasPrefix(s, field+"=") })
}

// flagSets are flags that stand for fields of a recipe, with their assignments.
type flagSets [][2]string

// over adds the assignments to those of a request, with set, the user's own, behind them.
// A field is to be said once: a flag next to --set of its field would have no effect.
func (f flagSets) over(q *recipe.Request, set []string) error {
	for _, s := range f {
		field, _, _ := strings.Cut(s[1], "=")
		if assigns(set, field) {
			return usageError{fmt.Errorf("--%s and --set %s: found both, expected one of them", s[0], field)}
		}
		q.Sets = append(q.Sets, s[1])
	}
	q.Sets = append(q.Sets, set...)
	return nil
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
func (f *setFlags) lists() (map[string]external.Indices, error) {
	out := map[string]external.Indices{}
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
	NCHW        *bool    `name:"nchw" negatable:"" help:"${foreign_nchw}"`
	Files       []string `arg:"" optional:"" help:"The files of --activations."`
}

// given tells whether any of them is there that only makes sense without a run
// and a recipe.
func (f *foreignFlags) given() bool {
	return f.Encoder != "" || f.Activations || f.Data != "" || f.Candidate+f.Shared+f.Independent+f.External+f.Views != ""
}

// arrayFields are the fields of a recipe that decide the scores of arrays.
var arrayFields = []string{"seed", "score.preset", "score.estimators", "score.distances", "score.mode", "score.units",
	"score.rest", "score.absolute", "score.alignment", "score.resamples", "score.level", "score.seed", "train.threads"}

// settings returns the settings of scoring: the fields in uses count.
func (c *scoreCmd) settings(weights string, uses []string) (*recipe.Recipe, error) {
	f := c.foreignFlags
	if c.Activations {
		f.Tap = nil // in a recipe they would be those of its encoder
	}
	q, flags, err := f.request(weights)
	if err != nil {
		return nil, err
	}
	q.Uses = uses
	if n, err := strconv.Atoi(f.Views); err == nil {
		flags = append(flags, [2]string{"views", fmt.Sprintf("score.views=%d", n)})
	}
	if len(f.Distance) > 0 {
		flags = append(flags, [2]string{"distance", "score.distances=" + quotedList(f.Distance)})
	}
	for _, s := range memorize.SetNames() {
		points := fmt.Sprintf("score.points.%s=%d", s, max(0, f.Points))
		if f.Points >= 0 {
			flags = append(flags, [2]string{"points", points})
		}
		q.Own = append(q.Own, points)
	}
	if err := flags.over(&q, c.Set); err != nil {
		return nil, err
	}
	return loadRecipe("", q)
}

// arrays returns what the flags say of files of arrays.
func (c *scoreCmd) arrays(f, g string) (external.ArraysConfig, error) {
	lists, err := c.lists()
	return external.ArraysConfig{F: f, G: g, Sets: lists, NCHW: c.NCHW, Out: c.Out}, err
}

// ofActivations scores activations that another program computed.
func (c *scoreCmd) ofActivations(a *app) (*page.Summary, error) {
	if len(c.Files) != 2 {
		return nil, usageError{fmt.Errorf("--activations: found %d files, expected two, f.npz and g.npz", len(c.Files))}
	}
	conf, err := c.arrays(c.Files[0], c.Files[1])
	if err != nil {
		return nil, err
	}
	conf.Layers = c.Tap
	r, err := c.settings("", arrayFields)
	if err != nil {
		return nil, err
	}
	return external.ScoreActivations(a.ctx, r, conf, reporter{a.ui})
}

// needWeights refuses to score encoders without files.
func (c *scoreCmd) needWeights() error {
	if c.F == "" || c.G == "" {
		return usageError{errors.New("encoders that were not trained here need --f FILE and --g FILE, and --encoder NAME " +
			"where these do not say it")}
	}
	return nil
}

// ofViews scores encoders on views that another program made.
func (c *scoreCmd) ofViews(a *app) (*page.Summary, error) {
	if err := c.needWeights(); err != nil {
		return nil, err
	}
	conf, err := c.arrays(c.F, c.G)
	if err != nil {
		return nil, err
	}
	conf.Views, conf.Load = c.Views, loading(c.nameFlags, c.checkFlags)
	r, err := c.settings(c.F, append([]string{"encoder", "score.taps", "score.batch"}, arrayFields...))
	if err != nil {
		return nil, err
	}
	return external.ScoreViews(a.ctx, r, conf, reporter{a.ui})
}

// ofData scores encoders on images.
func (c *scoreCmd) ofData(a *app) (*page.Summary, error) {
	if err := c.needWeights(); err != nil {
		return nil, err
	}
	if c.Data == "" {
		return nil, usageError{errors.New("--data NAME is not given: which images were the encoders trained on?")}
	}
	lists, err := c.lists()
	if err != nil {
		return nil, err
	}
	conf := run.ScoreConfig{F: c.F, G: c.G, Load: loading(c.nameFlags, c.checkFlags), Out: c.Out, Foreign: true}
	switch {
	case len(lists) > 0 && c.Split != "":
		return nil, usageError{errors.New("--split and lists of single sets are both given")}
	case c.Split == "paper":
		p := data.PaperRanges()
		conf.Ranges = &p
	case c.Split != "":
		conf.Split = c.Split
	case len(lists) > 0:
		conf.Sets = &data.SplitSets{Shared: lists[memorize.Shared].List, Candidate: lists[memorize.Candidate].List,
			Independent: lists[memorize.Independent].List, External: lists[memorize.External].List}
		conf.CheckSets = func(train, test int) error {
			for _, name := range memorize.SetNames() {
				n := train
				if name == memorize.External {
					n = test
				}
				if err := lists[name].Check(n); err != nil {
					return fmt.Errorf("--%s: %w", name, err)
				}
			}
			return nil
		}
	default:
		return nil,
			usageError{errors.New("which images is each encoder trained on? Give --split FILE (a split.json), --split " +
				"paper, or lists: --candidate, --shared, --independent, --external")}
	}
	conf.SharedAsCandidates = c.Points < 0 && !assigns(c.Set, "score.points.shared")
	r, err := c.settings(c.F, []string{"seed", "data", "encoder", "augment", "score", "train.threads"})
	if err != nil {
		return nil, err
	}
	if conf.Ranges != nil && r.Data.Name != "cifar10" {
		return nil, usageError{fmt.Errorf("--split paper: found --data %s, expected cifar10, whose ranges they are",
			r.Data.Name)}
	}
	return run.Score(a.ctx, r, conf, reporter{a.ui})
}
