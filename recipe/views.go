package recipe

import (
	"slices"
	"strings"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/ssl"
)

// layer lays a document, or assignments, over a recipe and notes in origins what it
// sets.
type layer func(r *Recipe, origins map[string]string) error

// over lays it over r such that a preset of augmentations that it names comes
// first: whatever else it says is said on top, in any order. What came before it,
// as a file before assignments, is replaced by its preset. It returns the fields that
// it sets, with the places where it says so.
func (lay layer) over(r *Recipe, origins map[string]string) (said map[string]string, err error) {
	probe := *r
	said, probe.Method = map[string]string{}, r.Method.copy()
	if err := lay(&probe, said); err != nil {
		return nil, err
	}
	if said["augment.preset"] != "" {
		r.Augment.UsePreset(probe.Augment.Preset)
		if probe.Augment.Preset == augment.Masking {
			r.Method.mask()
		}
	}
	if said["score.preset"] != "" {
		r.Score.usePreset(probe.Score.Preset)
	}
	for _, o := range []struct {
		path   string
		of, to **augment.Override
	}{{"augment.second", &probe.Augment.Second, &r.Augment.Second}, {"score.augment", &probe.Score.Augment,
		&r.Score.Augment}} {
		if said[o.path+".preset"] != "" && *o.of != nil && (*o.of).Preset != "" {
			*o.to = &augment.Override{}
			(*o.to).UsePreset((*o.of).Preset)
		}
	}
	return said, lay(r, origins)
}

// SecondView returns the configuration of the second view of methods that compare
// two.
func (r *Recipe) SecondView() augment.Config { return r.Augment.Second.Over(r.Augment) }

// ScoreView returns the configuration of the views of scoring: of the first of
// training, but for what score.augment says.
func (r *Recipe) ScoreView() augment.Config { return r.Score.Augment.Over(r.Augment) }

// Augmentation returns what counts of a configuration of views, by field.
func Augmentation(c augment.Config) map[string]any {
	r := &Recipe{Augment: c}
	values := texts(r)
	fields := map[string]any{}
	for _, l := range settings.Leaves(r) {
		if field, ok := strings.CutPrefix(l.Path, "augment."); ok && counts(l, values) {
			fields[field] = l.Value.Interface()
		}
	}
	return fields
}

// views checks the operations that make views.
func (r *Recipe) views(c *checker) {
	names := augment.PresetNames()
	if r.Augment.Preset != "" {
		c.oneOf("augment.preset", r.Augment.Preset, names...)
	}
	if _, ok := r.Method.Config.(ssl.Masker); !ok && r.Augment.Preset == augment.Masking {
		c.problem("augment.preset",
			"preset masking changes nothing but what methods such as mae hide of an image, found method %s", r.Method.Name)
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
		c.problem("score.augment",
			"views without anything random are all alike, and LayerMem compares views: want other ones for scoring, such "+
				"as {preset: normal}; {preset: none} if this is meant, for UnitMem")
	}
}
