package study

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// Four crossed pairs, very small: the numbers of the report are those of the scores' own
// tables, image by image.
func TestStudyCensus(t *testing.T) {
	s := verySmall(t)
	s.Pairs = 4
	st := graph.NewStore(t.TempDir())
	p, d := carriedOut(t, census, s, st)
	var all []scores
	for _, step := range p.Steps[:4] {
		one, err := readScores(st, step, memorize.UnitL2)
		require.NoError(t, err)
		all = append(all, one)
	}
	const tap = "relu4_2"
	table := d.Sections[0].Tables[0]
	row := table.Rows[28]
	require.Equal(t, tap, row[0].Text)
	assert.InDelta(t, stat.Mean(controlled(all, tap), nil), *row[1].Value, 1e-12)
	assert.NotNil(t, row[1].Lo)
	assert.NotNil(t, row[6].Value, "two couples have a reliability")

	// An image's own memorization: half of its mean as a candidate minus half of that as
	// an independent, after the pair's mean.
	value := map[int]float64{}
	for _, one := range all {
		c, i := one.of(tap, memorize.Candidate), one.of(tap, memorize.Independent)
		mean := (stat.Mean(c, nil) + stat.Mean(i, nil)) / 2
		for k, point := range one.Of(tap, memorize.Candidate).Points {
			value[point] += (c[k] - mean) / 4
		}
		for k, point := range one.Of(tap, memorize.Independent).Points {
			value[point] -= (i[k] - mean) / 4
		}
	}
	require.Len(t, value, 80, "the universe")
	require.Len(t, d.Data, 1)
	n := 0
	for _, r := range d.Data[0].Rows {
		if r[0].Text == tap {
			assert.InDelta(t, value[int(*r[1].Value)], *r[2].Value, 1e-12)
			n++
		}
	}
	assert.Equal(t, 80, n)
	assert.Len(t, d.Claims, 4)
	images := d.Sections[1].Galleries[0]
	assert.Len(t, images.Rows, 8, "most and least of four taps")

	// The encoders of the same-data pair saw the same images: f of the first pair and g of
	// the second.
	require.Len(t, p.Steps, 5)
	same, err := readScores(st, p.Steps[4], memorize.UnitL2)
	require.NoError(t, err)
	assert.Equal(t, all[0].Of(tap, memorize.Candidate).Points, same.Of(tap, memorize.Candidate).Points)
	assert.Equal(t, all[1].Of(tap, memorize.Independent).Points, same.Of(tap, memorize.Candidate).Points)
	assert.NotEqual(t, all[0].of(tap, memorize.Candidate), same.of(tap, memorize.Candidate))
}

// A claim about crossed pairs is decided by the interval over pairs and images.
func TestJudgeCrossed(t *testing.T) {
	planted := func(pairs int, effect float64) *crossedPairs {
		x := &crossedPairs{Results: &Results{Reader: &Reader{}}}
		for p := range pairs {
			member := make([]bool, 40)
			for i := range member {
				member[i] = (i>>(p/2)+p)%2 == 0 // couples of different halves
			}
			x.member = append(x.member, member)
		}
		return x
	}
	scoresOf := func(x *crossedPairs, effect float64) [][]float64 {
		var out [][]float64
		for p, member := range x.member {
			line := make([]float64, len(member))
			for i, in := range member {
				line[i] = 0.3 - float64(p%3)*0.1 + float64(i%7)*0.2 + float64((i*i+3*p)%11-5)*0.001 // bias, odd images, noise
				if in {
					line[i] += effect + float64(p%2)*0.01
				} else {
					line[i] -= effect + float64(p%2)*0.01
				}
			}
			out = append(out, line)
		}
		return out
	}
	for _, c := range []struct {
		pairs  int
		effect float64
		want   report.Verdict
	}{
		{4, 0.1, report.Reproduced}, {4, -0.1, report.NotReproduced}, {4, -0.005, report.UnderPowered},
		{2, 0.1, report.UnderPowered}, {1, 0.1, report.UnderPowered},
	} {
		x := planted(c.pairs, c.effect)
		of := x.of(func(scores, string) []float64 { return nil })
		of.Member, of.Scores = x.member, scoresOf(x, c.effect)
		got, err := x.judgeCrossed(Claim{Number: "it"}, nil, of)
		require.NoError(t, err)
		assert.Equal(t, c.want, got.Verdict, "%d pairs, %g: %s", c.pairs, c.effect, got.Why)
		assert.Contains(t, got.Why, "it is ")
	}
}
