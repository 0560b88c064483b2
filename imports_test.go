// Package locimem has no code of its own. Its tests check who imports whom, and what the
// documents say.
package locimem

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/locimem/locimem"

// floors is the plan of the house, from the ground up. A package may import packages of
// lower floors and of its own folder, and packages of its own floor only where
// neighbours allows it. So whoever reads a package can stop at its imports: nothing above
// it matters. internal, report and recipes are tools that stand beside the stairs: every
// floor may use them, and they use no floor.
var floors = [][]string{
	{"tensor"},                  // numbers: tensors, autograd, kernels
	{"nn"},                      // layers and encoders
	{"data", "ssl", "memorize"}, // images; how encoders learn; what they memorized
	{"recipe"},                  // one experiment, described
	{"run"},                     // one recipe, carried out
	{"study"},                   // claims over many runs
	{"cmd", "bench", "docs"},    // programs, and what writes docs
}

// neighbours are the arrows within a floor. Training needs images. Measuring needs
// neither the images' readers nor the training: whoever has activations can measure. The
// program runs the benchmarks.
var neighbours = map[string][]string{"ssl": {"data"}, "cmd": {"bench"}}

// besides are the folders that every floor may use. They may use each other.
var besides = []string{"internal", "report", "recipes"}

// top returns the first folder of a package of this module.
func top(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"), "/")
	return first
}

// floorOf returns the number of a folder's floor, or -1.
func floorOf(folder string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, folder) })
}

// forbidden says why a package of one folder may not import one of another; "" if it may.
func forbidden(from, to string) string {
	switch {
	case from == to || slices.Contains(besides, to):
		return ""
	case slices.Contains(besides, from):
		return from + " is a tool that every floor may use, so it may not use a floor"
	case floorOf(from) < 0 || floorOf(to) < 0:
		return "a new folder: give it a place in the plan (imports_test.go)"
	case floorOf(to) > floorOf(from):
		return to + " is a floor above " + from
	case floorOf(to) == floorOf(from) && !slices.Contains(neighbours[from], to):
		return from + " and " + to + " are on one floor and know nothing of each other"
	}
	return ""
}

// Arrows go down: cmd, study, run, recipe, {ssl, memorize, data}, nn, tensor.
func TestImportsFollowThePlan(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").CombinedOutput()
	require.NoError(t, err, string(out))
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		for _, to := range fields[1:] {
			if from := fields[0]; strings.HasPrefix(to, module+"/") {
				if seen++; forbidden(top(from), top(to)) != "" {
					t.Errorf("%s imports %s: %s", from, to, forbidden(top(from), top(to)))
				}
			}
		}
	}
	require.Greater(t, seen, 100, "the imports of this module")
}

// The rules themselves.
func TestForbiddenImports(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"study", "run", true}, {"run", "study", false}, {"run", "recipe", true}, {"recipe", "ssl", true}, {"ssl", "recipe", false},
		{"ssl", "data", true}, {"data", "ssl", false}, {"memorize", "ssl", false}, {"memorize", "data", false}, {"memorize", "nn", true},
		{"nn", "tensor", true}, {"tensor", "nn", false}, {"tensor", "internal", true}, {"internal", "tensor", false}, {"cmd", "new", false},
	} {
		if got := forbidden(c.from, c.to) == ""; got != c.allowed {
			t.Errorf("%s imports %s: found allowed %v, expected %v", c.from, c.to, got, c.allowed)
		}
	}
}
