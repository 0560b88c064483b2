package recipe

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
)

// A setting that has no effect next to the others is refused where somebody said it,
// in a file or by an assignment, with a value that asks for something: one that is not
// the default, so that a copy of the default recipe can be changed, and not 0, false or
// empty. Which settings depend on which is said at the fields: by the tag needs, of the
// form of the tag hash, and where there is none by the tag hash itself.

// under tells whether a field is one of some fields or lies in one of some sections.
func under(field string, sections []string) bool {
	return slices.ContainsFunc(sections, func(s string) bool {
		return field == s || strings.HasPrefix(field, s+".")
	})
}

// counts tells whether a field counts for the purpose of the recipe.
func (c *checker) counts(field string) bool {
	return len(c.uses) == 0 || field == "" || under(field, c.uses)
}

// unused refuses an assignment to a field that does not count for the purpose.
func (c *checker) unused(field, where string) {
	c.Add(where, field, "found a value, but the field has no effect on this command, which takes those of %s",
		strings.Join(c.uses, ", "))
}

// foreign is a setting of another method than the one named next to it.
type foreign struct{ where, value string }

// ofLayer keeps the settings in said of other methods than the one of r, whose settings
// are all there still; of a file, which may be a copy of the default recipe, those only
// that are not the defaults.
func (c *checker) ofLayer(r *Recipe, said map[string]string, file bool) {
	if _, known := ssl.Lookup(r.Method.Name); !known || len(said) == 0 {
		return
	}
	u := c.standard.copy()
	if r.Augment.Preset == augment.Masking {
		u.Method.mask()
	}
	usual := texts(u)
	for _, l := range settings.Leaves(r) {
		where, ok := said[l.Path]
		name, of := strings.CutPrefix(l.Path, "method.")
		if !ok || !of || name == "name" || file && settings.Text(l.Value) == usual[l.Path] {
			continue
		}
		if !slices.Contains(methodsWith(name), r.Method.Name) {
			if c.foreign == nil {
				c.foreign = map[string]foreign{}
			}
			c.foreign[l.Path] = foreign{where, settings.Text(l.Value)}
		}
	}
}

// notOfMethod refuses those settings that the method in force has not either.
func (c *checker) notOfMethod(method string) {
	if _, known := ssl.Lookup(method); !known || !c.counts("method") {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(c.foreign)) {
		have := methodsWith(strings.TrimPrefix(path, "method."))
		if f := c.foreign[path]; !slices.Contains(have, method) {
			c.Add(f.where, path, "found %s, but method %s has no such setting, expected one of its own or method.name to be %s",
				f.value, method, strings.Join(have, " or "))
		}
	}
}

// methodsWith returns the methods that have a setting of that name.
func methodsWith(setting string) (names []string) {
	for _, k := range ssl.Kinds() {
		for _, l := range settings.Leaves(pointer(k.Config)) {
			if l.Path == setting && l.Tags[len(l.Tags)-1].Get("needs") != "-" {
				names = append(names, k.Name)
			}
		}
	}
	return names
}

// withoutEffect returns, by path, what is wrong with fields in said that have no effect in
// a recipe whose method is decided.
func (c *checker) withoutEffect(r *Recipe, said map[string]string) map[string]string {
	if len(said) == 0 {
		return nil
	}
	out := map[string]string{}
	values, usual := texts(r), texts(c.unsaid(r))
	for _, l := range settings.Leaves(r) {
		standard, known := usual[l.Path]
		if !known {
			standard = "null"
		}
		if said[l.Path] == "" || values[l.Path] == standard || nothing(l.Value) || !c.counts(l.Path) ||
			under(l.Path, c.anyhow) {
			continue
		}
		if why := c.idle(r, l, values); why != "" {
			out[l.Path] = fmt.Sprintf("found %s, expected %s, the default: it has no effect where %s", values[l.Path],
				standard, why)
		}
	}
	return out
}

// refuse adds what withoutEffect says of fields that nothing else is known to be wrong
// with. Of those of the file, ofFile are the ones without effect in the file alone: that
// an assignment takes the effect of others away is what assignments are for.
func (c *checker) refuse(idle, said, ofFile map[string]string) {
	wrong := map[string]bool{}
	for _, p := range c.Problems {
		wrong[p.Field] = true
	}
	for _, path := range slices.Sorted(maps.Keys(idle)) {
		if assigned := strings.HasPrefix(said[path], "--set "); !wrong[path] && (assigned || ofFile[path] != "") {
			c.Add(said[path], path, "%s", idle[path])
		}
	}
}

// nothing tells whether a value asks for nothing.
func nothing(v reflect.Value) bool {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return v.IsZero()
}

// texts returns the values of all fields by their paths.
func texts(r *Recipe) map[string]string {
	values := map[string]string{}
	for _, l := range settings.Leaves(r) {
		values[l.Path] = settings.Text(l.Value)
	}
	return values
}

// unsaid returns the recipe with the name of the method and the presets of r and
// nothing else: what r is where nobody says more.
func (c *checker) unsaid(r *Recipe) *Recipe {
	u := c.standard.copy()
	u.Augment.UsePreset(r.Augment.Preset)
	if r.Augment.Preset == augment.Masking {
		u.Method.mask()
	}
	u.Score.usePreset(r.Score.Preset)
	for _, o := range []struct{ of, to **augment.Override }{{&r.Augment.Second, &u.Augment.Second},
		{&r.Score.Augment, &u.Score.Augment}} {
		if *o.of != nil && (*o.of).Preset != "" {
			*o.to = &augment.Override{}
			(*o.to).UsePreset((*o.of).Preset)
		}
	}
	u.Method.Name = r.Method.Name
	u.Method.close()
	return u
}

// idle says why a field has no effect, "" if it has one.
func (c *checker) idle(r *Recipe, l settings.Leaf, values map[string]string) string {
	if why := c.unmet(l, values); why != "" {
		return why
	}
	t := r.Train
	switch path := l.Path; {
	case (path == "train.private.clip" || path == "train.private.delta") && !t.Private.On():
		return "train.private.epsilon and train.private.noise are 0"
	case under(path, []string{"augment.second"}) && !c.counts("method"):
		return "nothing is trained"
	case under(path, []string{"augment.second"}) && len(r.Views()) == 1:
		return "method.name is " + r.Method.Name + ", which takes one view of an image"
	case path == "train.winograd" && len(nn.Positions(r.Encoder.Name)) > 0:
		return "encoder.name is " + r.Encoder.Name + ", which has no convolutions of 3x3"
	case path == "train.keep_every" && t.KeepEvery > t.Epochs:
		return fmt.Sprintf("train.epochs is %d", t.Epochs)
	case slices.ContainsFunc(coloured, func(f string) bool { return strings.HasSuffix(path, "."+f) }) && gray(r):
		return "data.name is " + r.Data.Name + ", whose images have one channel"
	case path == "augment.jitter.p" && r.Augment.Jitter == augment.Jitter{P: r.Augment.Jitter.P}:
		return "all of augment.jitter are 0"
	case strings.HasPrefix(path, "score.points.") && c.counts("split"):
		set := strings.TrimPrefix(path, "score.points.")
		p, s := r.Score.Points, r.Split
		n := map[string][2]int{"shared": {p.Shared, s.Shared}, "candidate": {p.Candidate, s.Candidate},
			"independent": {p.Independent, s.Independent}, "external": {p.External, s.External}}[set]
		if n[0] > n[1] {
			return fmt.Sprintf("split.%s is %d", set, n[1])
		}
	}
	for _, o := range []struct {
		section string
		o       *augment.Override
	}{{"augment.second", r.Augment.Second}, {"score.augment", r.Score.Augment}} {
		if field, ok := strings.CutPrefix(l.Path, o.section+"."); ok && o.o != nil {
			return c.idleInView(o.section, field, o.o.Over(r.Augment))
		}
	}
	return ""
}

// coloured are operations that change colours and nothing else.
var coloured = []string{"gray", "jitter.saturation", "jitter.hue"}

// gray tells whether the images have one channel.
func gray(r *Recipe) bool {
	_, _, c := r.ImageShape()
	return c == 1
}

// idleInView says why a field of views that differ in some of them has no effect, from
// what the views are altogether.
func (c *checker) idleInView(section, field string, all augment.Config) string {
	full := &Recipe{Augment: all}
	for _, l := range settings.Leaves(full) {
		if l.Path == "augment."+field {
			return strings.ReplaceAll((&checker{}).unmet(l, texts(full)), "augment.", section+".")
		}
	}
	return ""
}

// unmet says which condition of a field does not hold, "" if all do. Conditions on fields
// that do not count for the purpose hold.
func (c *checker) unmet(l settings.Leaf, values map[string]string) string {
	for _, tag := range l.Tags {
		conditions, ok := tag.Lookup("needs")
		if !ok {
			conditions = tag.Get("hash")
		}
		for k := range eachCondition(conditions, l.Path) {
			if k.path != l.Path && c.counts(k.path) && !k.holds(values) {
				return fmt.Sprintf("%s is %s", k.path, values[k.path]) + k.wanted()
			}
		}
	}
	return ""
}
