package study

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// That a score does not change says nothing where there is no score.
func TestSameScore(t *testing.T) {
	near := []float64{0.0001, -0.0001, 0}
	for _, c := range []struct {
		difference, score []float64
		want              report.Verdict
	}{
		{near, []float64{0.01, 0.011, 0.012}, report.Reproduced},
		{near, []float64{0.001, -0.001, 0.002}, report.UnderPowered},
		{[]float64{0.02, 0.021, 0.022}, []float64{0.01, 0.011, 0.012}, report.NotReproduced},
	} {
		k := (&Reader{}).sameScore(Claim{Number: "it"}, nil, c.difference, c.score)
		assert.Equal(t, c.want, k.Verdict, k.Why)
	}
}

// A number that is not above 0 itself cannot be better than another.
func TestProvidedAbove(t *testing.T) {
	p := 0.01
	for what, c := range map[report.Verdict][]float64{
		report.Reproduced: {0.5, 0.6, 0.55}, report.UnderPowered: {-0.2, -0.3, -0.25},
	} {
		k := providedAbove(report.Claim{Verdict: report.Reproduced, P: &p}, "it", c)
		assert.Equal(t, what, k.Verdict)
		assert.Equal(t, what == report.UnderPowered, k.P == nil)
	}
}

// Numbers that are equal in all pairs, as counts can be, have no spread.
func TestEqualNumbers(t *testing.T) {
	k := (&Reader{}).Judge(Claim{Number: "it"}, nil, []float64{-0.5, -0.5, -0.5})
	assert.Equal(t, report.UnderPowered, k.Verdict)
	assert.Nil(t, k.P)
	assert.Contains(t, k.Why, "in each of the 3 pairs")
	k = (&Reader{}).judgeWithin(Claim{Number: "it"}, nil, []float64{0, 0}, 1)
	assert.Equal(t, report.UnderPowered, k.Verdict)
}

// Distances that do not agree with themselves cannot be asked to agree with others.
func TestRanksRepeat(t *testing.T) {
	for itself, want := range map[float64]report.Verdict{0.5: report.UnderPowered, 0.9: report.NotReproduced} {
		p := 0.01
		c := report.Claim{Verdict: report.NotReproduced, P: &p}
		ranksRepeat(&c, itself)
		assert.Equal(t, want, c.Verdict)
		assert.Equal(t, want == report.UnderPowered, c.P == nil)
	}
}

// Claims that are judged by the same numbers are one test.
func TestHolmCountsTestsOnce(t *testing.T) {
	small, large := 0.01, 0.04
	claims := []report.Claim{
		{ID: "a", Why: "one", P: &small}, {ID: "b", Why: "none"},
		{ID: "c", Why: "two", P: &large}, {ID: "d", Why: "one", P: &small},
	}
	assert.Equal(t, []string{"0.02", "", "0.04", "0.02"}, holm(claims))
}

func TestRankedWithoutSpread(t *testing.T) {
	c, err := rankCorrelation([]float64{1, 2, 3}, []float64{5, 5, 5})
	require.NoError(t, err)
	assert.Zero(t, c)
	c, err = rankCorrelation([]float64{1, 2, 3}, []float64{5, 6, 9})
	require.NoError(t, err)
	assert.Equal(t, 1.0, c)
}

// Two folders of images are two steps; official files are the same wherever they lie.
func TestPlaceOfFolders(t *testing.T) {
	identity := func(name, dir string) string {
		r, err := recipe.Read("test", nil, []string{"data.name=" + name, "data.dir=" + dir, "split.mode=random"})
		require.NoError(t, err)
		return trainParams{withRecipe(r), memorize.F}.Identity()
	}
	assert.Equal(t, identity("cifar10", "a"), identity("cifar10", "b"))
	assert.NotEqual(t, identity("folder", "a"), identity("folder", "b"))
	assert.NotEqual(t, identity("tiny-imagenet", "a"), identity("tiny-imagenet", "b"))
	b := withRecipe(recipe.Default())
	on := func(name, dir string) string { return otherDataParams{b, run.On{Name: name, Dir: dir}}.Identity() }
	assert.Equal(t, on("svhn", "a"), on("svhn", "b"))
	assert.NotEqual(t, on("folder", "a"), on("folder", "b"))
}

// Layers come from encoders that were trained on images of the same shape.
func TestOtherDataOfAnotherShape(t *testing.T) {
	for name, found := range map[string]string{"stl10": "[96 96 3]", "mnist": "[28 28 1]"} {
		_, err := swaps.Plan(Setting{Scale: "mini", Seed: 1, DataDir: "a", Other: name, OtherDir: "b"})
		assert.ErrorContains(t, err, "found images of shape "+found+" in "+name+", expected [32 32 3]")
	}
	for _, name := range []string{"svhn", "folder"} {
		p, err := swaps.Plan(Setting{Scale: "mini", Seed: 1, DataDir: "own", Other: name, OtherDir: "other"})
		require.NoError(t, err)
		folders := map[string]bool{}
		for _, s := range p.Steps {
			if k, ok := s.Params().(trainParams); ok {
				r, err := k.recipe()
				require.NoError(t, err)
				folders[r.Data.Name+" in "+r.Data.Dir] = true
			}
		}
		assert.Contains(t, folders, name+" in other", "from where its encoders are trained")
	}
}

// One pair is enough for a report. All its claims are under-powered.
func TestOnePair(t *testing.T) {
	s := verySmall(t)
	s.Pairs = 1
	st := graph.NewStore(t.TempDir())
	for _, y := range []Study{depth, initialisation, consistency, distances} {
		_, d := carriedOut(t, y, s, st)
		for _, c := range d.Claims {
			assert.Equal(t, report.UnderPowered, c.Verdict, c.ID)
			assert.True(t, strings.Contains(c.Why, "one pair"), c.Why)
		}
	}
}
