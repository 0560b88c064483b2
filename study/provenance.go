package study

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/study/graph"
)

// provenance says on what machine and by which recipes a study was done, and how long its
// steps took.
func provenance(st *graph.Store, steps []*graph.Step) ([]report.Fact, error) {
	out := slices.Concat(page.Machine(), recipeFacts(steps))
	for _, s := range graph.Order(steps) {
		d, err := st.Done(s)
		if err != nil {
			return nil, err
		}
		if d == nil {
			continue
		}
		took := fmt.Sprintf("%.1f s", d.Seconds)
		if !d.Whole {
			took = "time not known, as a process was killed or the encoder was there before"
		}
		out = append(out, report.Fact{
			Name:  s.Name(),
			Value: fmt.Sprintf("%s: %s, finished %s%s", d.Label, took, d.Finished.Format("2006-01-02 15:04 MST"), by(d)),
		})
	}
	return out, nil
}

// by says where a step was done, "" if that is not known.
func by(d *graph.Done) string {
	if d.By == nil {
		return ""
	}
	return fmt.Sprintf(", by locimem %s on %s, %d cores", d.By.Version, d.By.CPU, d.By.Cores)
}

// recipeFacts are the recipes of a study's steps with their seeds: the first one whole, and
// how the others differ from it.
func recipeFacts(steps []*graph.Step) []report.Fact {
	var out []report.Fact
	var first map[string]string
	known := map[recipeText]bool{}
	for _, s := range graph.Order(steps) {
		text := recipeOf(s)
		if text == "" || known[text] {
			continue
		}
		known[text] = true
		r, err := text.parse()
		if err != nil {
			continue // a step with it has failed already
		}
		seeds := fmt.Sprintf("hash %s; seeds: split %d, f %d, g %d, score %d",
			r.Hash(), r.SplitSeed(), r.TrainSeed(memorize.F), r.TrainSeed(memorize.G), r.ScoreSeed())
		fields := fieldsOf(text)
		if first == nil {
			first = fields
			out = append(out, report.Fact{Name: "Recipe 1", Value: seeds}, report.Fact{Name: "recipe.yaml", Value: string(text)})
			continue
		}
		out = append(out, report.Fact{
			Name:  fmt.Sprintf("Recipe %d", len(known)),
			Value: seeds + "\nas the first one except\n" + strings.Join(differences(first, fields), "\n"),
		})
	}
	return out
}

// recipeOf returns the recipe that a step depends on, "" if it has none.
func recipeOf(s *graph.Step) recipeText {
	var p struct{ Recipe recipeText }
	if b, err := json.Marshal(s.Params()); err != nil || json.Unmarshal(b, &p) != nil {
		return ""
	}
	return p.Recipe
}

// fieldsOf returns the values of a recipe's fields by their names, as --set takes them. It is
// empty if the text is not a recipe.
func fieldsOf(t recipeText) map[string]string {
	var tree map[string]any
	out := map[string]string{}
	if yaml.Unmarshal([]byte(t), &tree) != nil {
		return out
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		section, ok := v.(map[string]any)
		if !ok {
			b, _ := json.Marshal(v) // scalars and lists always can be written
			out[name] = string(b)
			return
		}
		for k, v := range section {
			walk(strings.TrimPrefix(name+"."+k, "."), v)
		}
	}
	walk("", tree)
	return out
}

// differences returns the fields that the first recipe does not have, or has with another
// value.
func differences(first, fields map[string]string) []string {
	var out []string
	for name, v := range fields {
		if first[name] != v {
			out = append(out, name+"="+v)
		}
	}
	slices.Sort(out)
	return out
}
