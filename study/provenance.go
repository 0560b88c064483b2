package study

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/study/graph"
)

// circumstances says what the numbers of a study depend on besides its steps: the
// machine, and the recipes with their seeds, the first one whole and of the others
// what is different.
func circumstances(steps []*graph.Step) []report.Fact {
	out := page.Machine()
	var first map[string]string
	seen := map[string]bool{}
	for _, s := range graph.Order(steps) {
		of := recipeOf(s)
		if of == "" || seen[string(of)] {
			continue
		}
		seen[string(of)] = true
		r, err := of.recipe()
		if err != nil {
			continue // a step with it has failed already
		}
		seeds := fmt.Sprintf("hash %s; seeds: split %d, f %d, g %d, score %d", r.Hash(), r.SplitSeed(), r.TrainSeed(run.F), r.TrainSeed(run.G), r.ScoreSeed())
		fields := flat(of)
		if first == nil {
			first = fields
			out = append(out, report.Fact{Name: "Recipe 1", Value: seeds}, report.Fact{Name: "recipe.yaml", Value: string(of)})
			continue
		}
		out = append(out, report.Fact{Name: fmt.Sprintf("Recipe %d", len(seen)), Value: seeds + "\nas the first one but for\n" + strings.Join(differences(first, fields), "\n")})
	}
	return out
}

// recipeOf returns the recipe that a step depends on, "" if it has none.
func recipeOf(s *graph.Step) text {
	var p struct{ Recipe text }
	if b, err := json.Marshal(s.Params()); err != nil || json.Unmarshal(b, &p) != nil {
		return ""
	}
	return p.Recipe
}

// flat returns the fields of a recipe by their names, as --set takes them.
func flat(t text) map[string]string {
	var tree map[string]any
	out := map[string]string{}
	if yaml.Unmarshal([]byte(t), &tree) != nil {
		return out // it was read as a recipe before
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		section, ok := v.(map[string]any)
		if !ok {
			b, _ := json.Marshal(v) // of scalars and lists
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

// differences returns the fields that are other ones, or not there, in the first.
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

// by says where a step was done, "" where that is not known.
func by(d *graph.Done) string {
	if d.By == nil {
		return ""
	}
	return fmt.Sprintf(", by locimem %s on %s, %d cores", d.By.Version, d.By.CPU, d.By.Cores)
}
