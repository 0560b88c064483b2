package recipe

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Validate tells all that is wrong with the recipe, as settings.Problems. It knows
// nothing of files: whether the data are there shows when they are opened.
func (r *Recipe) Validate() error {
	c := &checker{}
	r.validate(c)
	return c.Err()
}

// checker collects problems, each with the place its field was set at.
type checker struct {
	settings.Problems
	standard     *Recipe // the defaults, with the settings of all methods
	origins      map[string]string
	uses, anyhow []string           // as in Request
	foreign      map[string]foreign // settings of other methods than the one of their layer
}

// problem notes what is wrong with a field, if it counts.
func (c *checker) problem(field, format string, args ...any) {
	if !c.counts(field) {
		return
	}
	where := c.origins[field]
	if strings.HasPrefix(where, defaultFile) {
		where = "the default of " + where
	}
	c.Add(where, field, format, args...)
}

// within wants v to lie in [lo, hi].
func within[T int | float64](c *checker, field string, v, lo, hi T) {
	if !(v >= lo && v <= hi) { // so that NaN is refused too
		c.problem(field, "want %v to %v, found %v", lo, hi, v)
	}
}

// positive wants 0 < v <= hi, and more than float32 takes for 0.
func (c *checker) positive(field string, v, hi float64) {
	if !(float32(v) > 0 && v <= hi) {
		c.problem(field, "want a number above 0 and at most %v, found %v%s", hi, v, inFloat32(v))
	}
}

func (c *checker) oneOf(field, v string, known ...string) {
	if !slices.Contains(known, v) {
		hint := ""
		if n := settings.Nearest(v, known); n != "" && len(known) > 2 {
			hint = "; did you mean " + n + "?"
		}
		c.problem(field, "want %s, found %q%s", strings.Join(known, " or "), v, hint)
	}
}

// errs takes the errors of another package, each "field: message", to fields of
// a section.
func (c *checker) errs(section string, err error) {
	for _, e := range list(err) {
		field, msg, ok := strings.Cut(e.Error(), ": ")
		if !ok {
			field, msg = "", e.Error()
		}
		c.problem(strings.TrimSuffix(section+"."+field, "."), "%s", msg)
	}
}

// list returns the errors that errors.Join has joined, at any depth; none of nil.
func list(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, list(e)...)
	}
	return all
}

// The largest numbers that a recipe may have. They keep absurd ones from
// overflowing or from ending in a lack of memory, not sensible ones out.
const (
	maxImages = 10_000_000
	maxEpochs = 1_000_000
	maxPairs  = 1_000_000
)

// name is what can stand in the name of a directory everywhere.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (r *Recipe) validate(c *checker) {
	if !name.MatchString(r.Name) {
		c.problem("name", "want 1 to 64 letters, digits, dots, dashes or underscores, found %q", r.Name)
	}
	r.data(c)
	r.split(c)
	c.oneOf("encoder.name", r.Encoder.Name, nn.EncoderNames()...)
	c.positive("encoder.width", r.Encoder.Width, 16)
	c.oneOf("encoder.pool", r.Encoder.Pool, append([]string{"auto"}, nn.Pools(r.Encoder.Name)...)...)
	c.oneOf("encoder.stem", r.Encoder.Stem, append([]string{"auto"}, nn.Stems(r.Encoder.Name)...)...)
	c.oneOf("encoder.norm", r.Encoder.Norm, append([]string{"auto"}, nn.Norms(r.Encoder.Name)...)...)
	c.oneOf("encoder.positions", r.Encoder.Positions, append([]string{"auto"}, nn.Positions(r.Encoder.Name)...)...)
	switch p := r.Encoder.DropPath; {
	case !(p >= 0 && p < 1):
		c.problem("encoder.drop_path", "want at least 0 and less than 1, found %v", p)
	case p > 0 && !nn.TakesDropPath(r.Encoder.Name):
		c.problem("encoder.drop_path", "want 0: %s has no drop path, found %v", r.Encoder.Name, p)
	}
	r.geometry(c)
	r.method(c)
	r.views(c)
	if r.Augment.Size != [2]int{} {
		c.problem("augment.size", "want [0, 0]: views have the size of the images, found %v", r.Augment.Size)
	}
	r.train(c)
	r.private(c)
	r.knn(c)
	r.score(c)
}

// geometry wants facts of the encoder that it can have. What is wrong with its other
// fields, or with the images, is said elsewhere.
func (r *Recipe) geometry(c *checker) {
	e := r.Encoder
	o := Encoder{StemPadding: e.StemPadding, StemStride: e.StemStride, StemPool: e.StemPool, NormEps: e.NormEps,
		Heads:  e.Heads,
		FCNorm: e.FCNorm, LayerScale: e.LayerScale, Registers: e.Registers, PositionsSize: e.PositionsSize}.Options(0, 0, 0)
	o.Width = e.Width
	if !slices.Contains(nn.EncoderNames(), e.Name) || !(e.Width > 0 && e.Width <= 16) {
		return
	}
	if _, err := nn.Resolve(e.Name, o); err != nil {
		what, msg, _ := strings.Cut(strings.TrimPrefix(err.Error(), "encoder "+e.Name+": "), ": ")
		c.problem(geometryField(e, what), "%s", msg)
	}
	if r.Method.Name == "mae" && (e.Registers > 0 || e.FCNorm) {
		c.problem("encoder.registers",
			"want 0 registers and no fc_norm for method mae, which hides tokens, found %d and %t", e.Registers, e.FCNorm)
	}
}

// geometryField returns the field that nn means by its words for it; where it names
// several, the first that is given.
func geometryField(e Encoder, words string) string {
	var named []string
	given := map[string]bool{}
	for _, l := range settings.Leaves(&e) {
		given[l.Path] = !nothing(l.Value) && settings.Text(l.Value) != "auto"
	}
	for _, f := range []struct{ field, word string }{{"stem_padding", "stem padding"}, {"stem_stride", "stride"},
		{"stem_pool", "pool"}, {"norm_eps", "norm eps"}, {"heads", "heads"}, {"fc_norm", "fc_norm"},
		{"layer_scale", "layer scale"}, {"registers", "registers"}, {"positions_size", "positions size"}} {
		if strings.Contains(words, f.word) {
			named = append(named, f.field)
		}
	}
	given["stem_padding"] = e.StemPadding != nil
	for _, f := range named {
		if given[f] || len(named) == 1 {
			return "encoder." + f
		}
	}
	return "encoder"
}

func (r *Recipe) data(c *checker) {
	names := []string{"synthetic"}
	for _, s := range data.Sources() {
		names = append(names, s.Name)
	}
	c.oneOf("data.name", r.Data.Name, names...)
	if s := data.SourceOf(r.Data.Name); s != nil {
		if err := s.CheckVariant(r.Data.Variant); err != nil {
			c.problem("data.variant", "%v", err)
		}
		if s.Name == "folder" {
			c.oneOf("data.folder.resize", r.Data.Folder.Resize, "crop", "stretch")
			c.errs("data.folder", r.FolderOptions().Validate())
		}
	}
	if r.Data.Name == "synthetic" && r.Data.Variant != "" {
		c.problem("data.variant", "found %q, but synthetic has no variants", r.Data.Variant)
	}
	if _, _, channels := r.ImageShape(); len(r.Augment.Mean) != 0 && len(r.Augment.Mean) != channels {
		c.problem("augment.mean", "want a number for each of the %d channels of %s (augment.std too) or [], found %v",
			channels, r.Data.Name, r.Augment.Mean)
	}
	if r.Data.Name != "synthetic" {
		return
	}
	s := r.Data.Synthetic
	within(c, "data.synthetic.train", s.Train, 1, maxImages)
	within(c, "data.synthetic.test", s.Test, 1, maxImages)
	within(c, "data.synthetic.classes", s.Classes, 2, data.MaxSyntheticClasses)
	within(c, "data.synthetic.size", s.Size, 16, 256)
	within(c, "data.synthetic.atypical_share", s.AtypicalShare, 0, 1)
}

// parts returns the number of images of the training and test part, 0 if unknown.
func (r *Recipe) parts() (train, test int) {
	switch r.Data.Name {
	case "synthetic":
		return r.Data.Synthetic.Train, r.Data.Synthetic.Test
	}
	s := data.SourceOf(r.Data.Name)
	if s == nil || s.CheckVariant(r.Data.Variant) != nil {
		return 0, 0
	}
	return s.Images(r.Data.Variant)
}

func (r *Recipe) split(c *checker) {
	s := r.Split
	c.oneOf("split.mode", s.Mode, "random", "crossed", "paper")
	within(c, "split.pair", s.Pair, 1, maxPairs)
	switch {
	case s.Mode != "crossed" && s.Pair > 1:
		c.problem("split.pair", "want 1 in mode %s, found %d: only crossed pairs differ in their images", s.Mode, s.Pair)
	case s.Mode == "crossed" && s.Candidate != s.Independent:
		c.problem("split.independent", "want %d in mode crossed, the number of candidates, found %d", s.Candidate,
			s.Independent)
	}
	within(c, "split.shared", s.Shared, 0, maxImages)
	within(c, "split.candidate", s.Candidate, 1, maxImages)
	within(c, "split.independent", s.Independent, 0, maxImages)
	within(c, "split.external", s.External, 0, maxImages)
	train, test := r.parts()
	if sum := s.Shared + s.Candidate + s.Independent; train > 0 && sum > train {
		c.problem("split.shared",
			"shared + candidate + independent are %d + %d + %d = %d images, the training part of %s has %d",
			s.Shared, s.Candidate, s.Independent, sum, r.Data.Name, train)
	}
	if test > 0 && s.External > test {
		c.problem("split.external", "want at most %d, the images of the test part of %s, found %d", test, r.Data.Name,
			s.External)
	}
	if s.Mode == "paper" {
		p := data.PaperRanges()
		for _, f := range []struct {
			field string
			found int
			r     [2]int
		}{{"shared", s.Shared, p.Shared}, {"candidate", s.Candidate, p.Candidate},
			{"independent", s.Independent, p.Independent}, {"external", s.External, p.External}} {
			if want := f.r[1] - f.r[0]; f.found != want {
				c.problem("split."+f.field, "want %d in mode paper, found %d", want, f.found)
			}
		}
		if r.Data.Name != "cifar10" {
			c.problem("split.mode", "mode paper is for the data cifar10, found %q", r.Data.Name)
		}
	}
}

// share wants 0 <= v < 1.
func (c *checker) share(field string, v float64) {
	if !(v >= 0 && float32(v) < 1) {
		c.problem(field, "want at least 0 and less than 1, found %v%s", v, inFloat32(v))
	}
}

// inFloat32 says so where a number within its range is at the end of it in float32, which
// is what networks and optimizers compute in.
func inFloat32(v float64) string {
	if r := float64(float32(v)); r != v && (r == 0 || r == 1) {
		return fmt.Sprintf(", which is %v in float32", r)
	}
	return ""
}

func (r *Recipe) train(c *checker) {
	t := r.Train
	within(c, "train.epochs", t.Epochs, 1, maxEpochs)
	least := min(r.Split.Shared+r.Split.Candidate, r.Split.Shared+r.Split.Independent)
	if t.Batch < 2 || t.Batch > max(least, 2) {
		c.problem("train.batch", "want 2 to %d, the images that the smaller training set has, found %d", max(least, 2),
			t.Batch)
	} else if least < 2 {
		c.problem("split.shared", "want at least 2 images for each encoder, g has %d", least)
	}
	if a := t.Accumulate; a < 1 || t.Batch >= 2 && (t.Batch%a != 0 || t.Batch/a < 2) {
		c.problem("train.accumulate", "want a divisor of train.batch (%d) that leaves parts of at least 2 images, found %d",
			t.Batch, a)
	}
	c.oneOf("train.optimizer", t.Optimizer, "adam", "adamw", "sgd", "lars")
	if t.Optimizer == "lars" {
		c.positive("train.lars_trust", t.LARSTrust, 1000)
	}
	c.positive("train.lr", t.LR, 1e6)
	within(c, "train.weight_decay", t.WeightDecay, 0, 1e6)
	c.share("train.momentum", t.Momentum)
	if end := t.WeightDecayEnd; end != nil {
		within(c, "train.weight_decay_end", *end, 0, 1e6)
		if t.WeightDecay == 0 {
			c.problem("train.weight_decay_end", "want null where train.weight_decay is 0, found %v", *end)
		}
	}
	for _, b := range []struct {
		field string
		found float64
	}{{"train.beta1", t.Beta1}, {"train.beta2", t.Beta2}} {
		if !(float32(b.found) > 0 && float32(b.found) < 1) {
			c.problem(b.field, "want more than 0 and less than 1, found %v%s", b.found, inFloat32(b.found))
		}
	}
	c.share("train.weights_ema", t.WeightsEMA)
	within(c, "train.keep_every", t.KeepEvery, 0, maxEpochs)
	within(c, "train.clip_norm", t.ClipNorm, 0, 1e6)
	if t.ClipNorm > 0 {
		c.positive("train.clip_norm", t.ClipNorm, 1e6)
	}
	c.oneOf("train.schedule", t.Schedule, "cosine", "constant")
	within(c, "train.warmup_epochs", t.WarmupEpochs, 0, float64(max(t.Epochs, 0)))
	c.oneOf("train.precision", t.Precision, tensor.Precisions()...)
	within(c, "train.checkpoint_every", t.CheckpointEvery, 1, maxEpochs)
	c.oneOf("train.winograd", t.Winograd, "none", "f2", "f4")
	c.oneOf("train.order", t.Order, "sequential", "parallel")
	within(c, "train.threads", t.Threads, 0, 1024)
	if t.Order == "parallel" && t.Threads == 1 {
		c.problem("train.order", "want sequential with one thread, found parallel")
	}
}

func (r *Recipe) knn(c *checker) {
	k := r.KNN
	within(c, "knn.every", k.Every, 0, maxEpochs)
	c.positive("knn.t", k.T, 1000)
	bank := min(r.Split.Shared+r.Split.Candidate, r.Split.Shared+r.Split.Independent)
	if k.Every == 0 || !c.counts("knn.every") {
		bank = maxImages // a probe asked for by hand says itself what does not fit
	}
	within(c, "knn.train", k.Train, 0, max(bank, 0))
	if k.Train > 0 {
		bank = k.Train
	}
	within(c, "knn.k", k.K, 1, max(bank, 1))
	if _, test := r.parts(); test > 0 {
		if k.Test < 0 || k.Test > test {
			c.problem("knn.test", "want 0 to %d, the images of the test part of %s, found %d", test, r.Data.Name, k.Test)
		}
	}
}

func (r *Recipe) score(c *checker) {
	if r.Score.Preset != "" {
		c.oneOf("score.preset", r.Score.Preset, ScorePresets()...)
	}
	o := r.ScoreOptions()
	c.errs("score", o.Validate())
	p := r.Score.Points
	for _, s := range []struct {
		field      string
		limit, all int
	}{{"shared", p.Shared, r.Split.Shared}, {"candidate", p.Candidate, r.Split.Candidate},
		{"independent", p.Independent, r.Split.Independent}, {"external", p.External, r.Split.External}} {
		if !c.counts("split") { // the sets come from elsewhere
			s.all = maxImages
		}
		within(c, "score.points."+s.field, s.limit, 0, maxImages)
		if o.Units && s.all == 1 {
			c.problem("split."+s.field, "want at least 2 images to score units (or score.units=false), found 1")
		} else if o.Units && s.limit == 1 {
			c.problem("score.points."+s.field, "want at least 2 points to score units (or score.units=false), found 1")
		}
		if n := min(cmp.Or(s.limit, s.all), s.all); r.Score.Alignment && (n == 1 || n == 2) {
			c.problem("score.alignment", "want at least 3 points of each set to compare alignment matrices, found %d %s", n,
				s.field)
		}
	}
	within(c, "score.views", o.Views, 1, 10000)
	within(c, "score.batch", o.Batch, 1, maxImages)
	within(c, "score.resamples", o.Resamples, 1, 10_000_000)
	r.taps(c, o.Taps)
}

// taps wants patterns that match taps of the encoder.
func (r *Recipe) taps(c *checker, patterns []string) {
	enc, err := r.narrowEncoder() // it has the same taps
	if len(r.Score.Taps) == 0 {
		c.problem("score.taps", "want all, names or patterns of taps, found none")
	}
	if err != nil || len(patterns) == 0 {
		return // what is wrong with the encoder is said elsewhere
	}
	if _, err := nn.SelectTaps(enc.Taps(), patterns); err != nil {
		c.problem("score.taps", "%v", err)
	}
}

// ImageShape returns height, width and channels of the recipe's images.
func (r *Recipe) ImageShape() (h, w, c int) {
	s := data.SourceOf(r.Data.Name)
	switch {
	case s == nil:
		return r.Data.Synthetic.Size, r.Data.Synthetic.Size, 3
	case s.Name == "folder":
		return r.Data.Folder.Size[0], r.Data.Folder.Size[1], 3
	}
	return s.Shape[0], s.Shape[1], s.Shape[2]
}

// FolderOptions returns what the recipe says about image files.
func (r *Recipe) FolderOptions() data.FolderOptions {
	f := r.Data.Folder
	return data.FolderOptions{Size: f.Size, Stretch: f.Resize == "stretch", Shorter: f.Shorter, TestEvery: f.TestEvery,
		Parts: f.Parts, SkipUnreadable: f.SkipUnreadable}
}

// SplitOptions returns the sizes of the four sets, or their ranges.
func (r *Recipe) SplitOptions() data.SplitOptions {
	s := r.Split
	switch s.Mode {
	case "paper":
		p := data.PaperRanges()
		return data.SplitOptions{Seed: r.SplitSeed(), Ranges: &p}
	case "random":
		s.Pair = 0
	}
	return data.SplitOptions{Shared: s.Shared, Candidate: s.Candidate, Independent: s.Independent, External: s.External,
		Seed: r.SplitSeed(), Pair: s.Pair}
}

// ScoreOptions returns the options of the measurement.
func (r *Recipe) ScoreOptions() memorize.Options {
	s := r.Score
	o := memorize.Options{
		Mode: memorize.Mode(s.Mode), Views: s.Views, Units: s.Units, Rest: memorize.Rest(s.Rest), Absolute: s.Absolute,
		Resamples: s.Resamples, Level: s.Level, Seed: r.ScoreSeed(), Batch: s.Batch,
	}
	for _, e := range s.Estimators {
		o.Estimators = append(o.Estimators, memorize.Estimator(e))
	}
	for _, d := range s.Distances {
		o.Distances = append(o.Distances, memorize.Distance(d))
	}
	if !slices.Equal(s.Taps, []string{"all"}) {
		o.Taps = s.Taps
	}
	return o
}

// Describe says in a few words what the recipe is about, for titles.
func (r *Recipe) Describe() string {
	return fmt.Sprintf("%s, %s, %s, %d epochs, %d shared + %d own images",
		r.Data.Name, r.Encoder.Name, r.Method.Name, r.Train.Epochs, r.Split.Shared, r.Split.Candidate)
}
