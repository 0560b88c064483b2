package recipe

import (
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/strict"
	"github.com/locimem/locimem/nn"
)

// layer lays a document, or assignments, over a recipe and notes in seen what it
// sets.
type layer func(r *Recipe, seen map[string]string) error

// over lays it over r such that a preset of augmentations that it names comes
// first: whatever else it says is said on top, in any order. What came before it,
// as a file before assignments, is replaced by its preset.
func (lay layer) over(r *Recipe, seen map[string]string) error {
	probe, said := *r, map[string]string{}
	if err := lay(&probe, said); err != nil {
		return err
	}
	if said["augment.preset"] != "" {
		r.Augment.UsePreset(probe.Augment.Preset)
		if probe.Augment.Preset == augment.Masking {
			r.Method.MaskRatio = 0.75
		}
	}
	if said["score.preset"] != "" {
		r.Score.usePreset(probe.Score.Preset)
	}
	for _, o := range []struct {
		path   string
		of, to **augment.Override
	}{{"augment.second", &probe.Augment.Second, &r.Augment.Second}, {"score.augment", &probe.Score.Augment, &r.Score.Augment}} {
		if said[o.path+".preset"] != "" && *o.of != nil && (*o.of).Preset != "" {
			*o.to = &augment.Override{}
			(*o.to).UsePreset((*o.of).Preset)
		}
	}
	return lay(r, seen)
}

// SecondView returns the configuration of the second view of methods that compare
// two.
func (r *Recipe) SecondView() augment.Config { return r.Augment.Second.Over(r.Augment) }

// ScoreView returns the configuration of the views of scoring: of the first of
// training, but for what score.augment says.
func (r *Recipe) ScoreView() augment.Config { return r.Score.Augment.Over(r.Augment) }

// LocalView returns the configuration of the small views of dino: of the first view,
// but for size and crop. They have no preset and no second kind.
func (r *Recipe) LocalView() augment.Config {
	var first *augment.Override
	c := first.Over(r.Augment)
	c.Size, c.Crop.Scale = r.localSize(), r.Method.LocalScale
	if c.Crop.Ratio == [2]float64{} {
		c.Crop.Ratio = [2]float64{3. / 4, 4. / 3}
	}
	return c
}

// localSize returns height and width of the small views.
func (r *Recipe) localSize() [2]int {
	h, w, _ := r.ImageShape()
	side := func(n int) int { return max(1, int(math.Round(float64(n)*r.Method.LocalSize))) }
	return [2]int{side(h), side(w)}
}

// localCrops checks the small views of dino.
func (r *Recipe) localCrops(c *checker) {
	m := r.Method
	within(c, "method.local_crops", m.LocalCrops, 0, 100)
	if m.LocalCrops < 1 {
		return
	}
	if s := m.LocalScale; !(0 < s[0] && s[0] <= s[1] && s[1] <= 1) {
		c.problem("method.local_scale", "want 0 < from <= to <= 1, found %v", s)
	}
	if !(m.LocalSize > 0 && m.LocalSize <= 1) {
		c.problem("method.local_size", "want more than 0 and at most 1, found %v", m.LocalSize)
		return
	}
	size := r.localSize()
	if half := r.Augment.Blur.Kernel / 2; r.Augment.Blur.P > 0 && (half >= size[0] || half >= size[1]) {
		c.problem("augment.blur.kernel", "want less than twice the side of small views of %dx%d, found %d", size[0], size[1], r.Augment.Blur.Kernel)
	}
	enc, err := r.narrowEncoder()
	if err != nil {
		return
	}
	if _, err := nn.ForImages(enc, size[0], size[1]); err != nil {
		c.problem("method.local_crops", "want 0 for %s, or ones of another method.local_size: %v", r.Encoder.Name, err)
	}
}

// Augmentation returns what counts of a configuration of views, by field.
func Augmentation(c augment.Config) map[string]any {
	all := strict.Leaves(&Recipe{Augment: c})
	values := map[string]string{}
	for _, l := range all {
		values[l.Path] = strict.Text(l.Value)
	}
	fields := map[string]any{}
	for _, l := range all {
		if field, ok := strings.CutPrefix(l.Path, "augment."); ok && counts(l, values) {
			fields[field] = l.Value.Interface()
		}
	}
	return fields
}

// oneView tells whether the method takes one view of an image.
func (r *Recipe) oneView() bool { return r.Method.Name == "mae" || r.Method.Name == "supervised" }

// views checks the operations that make views.
func (r *Recipe) views(c *checker) {
	names := augment.PresetNames()
	if r.Augment.Preset != "" {
		c.oneOf("augment.preset", r.Augment.Preset, names...)
	}
	if r.Augment.Preset == augment.Masking && r.Method.Name != "mae" {
		c.problem("augment.preset", "preset masking changes nothing but the patches that method mae hides, found method %s", r.Method.Name)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == augment.Masking })
	err := r.Augment.Validate()
	c.errs("augment", err)
	for _, s := range []struct {
		section string
		o       *augment.Override
	}{{"augment.second", r.Augment.Second}, {"score.augment", r.Score.Augment}} {
		if s.o == nil {
			continue
		}
		if s.o.Preset != "" {
			c.oneOf(s.section+".preset", s.o.Preset, names...)
		}
		if err == nil {
			c.errs(s.section, s.o.Over(r.Augment).Validate())
		}
	}
	if o := r.Score.Augment; r.Score.Mode == "pair" && !r.ScoreView().Random() && (o == nil || o.Preset != "none") {
		c.problem("score.augment", "views without anything random are all alike, and LayerMem compares views: want other ones for scoring, such as {preset: normal}; {preset: none} if this is meant, for UnitMem")
	}
}
