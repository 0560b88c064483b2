package study

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/study/graph"
)

// A study says on what machine it was done and by which recipes: the first one whole, and how
// the others differ from it.
func TestProvenance(t *testing.T) {
	p, err := depth.Plan(Setting{Scale: "mini", Seed: 5, DataDir: "DIR", Pairs: 2})
	require.NoError(t, err)
	facts := map[string]string{}
	all, err := provenance(graph.NewStore(t.TempDir()), p.Steps)
	require.NoError(t, err)
	for _, f := range all {
		facts[f.Name] = f.Value
	}
	for _, name := range []string{"Command", "Program", "Machine", "Instruction set"} {
		assert.NotEmpty(t, facts[name], name)
	}
	r, err := recipe.Read("provenance", []byte(facts["recipe.yaml"]), nil)
	require.NoError(t, err, "it is a recipe that can be run")
	assert.Contains(t, facts["Recipe 1"], r.Hash())
	second, err := recipe.Read("provenance", []byte(facts["recipe.yaml"]), []string{"seed=6"})
	require.NoError(t, err)
	lines := strings.Split(facts["Recipe 2"], "\n")
	assert.Contains(t, lines[0], second.Hash())
	assert.Contains(t, lines[0], "seeds: split 5, f ")
	assert.Contains(t, lines[0], ", score 5")
	assert.Equal(t, []string{"as the first one except", "seed=6"}, lines[1:])
	assert.Empty(t, facts["Recipe 3"])
}
