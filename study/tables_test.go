package study

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// The tests of this file judge claims on small tables written by hand, and work out the numbers
// a second time.

// The rise with depth is that of the controlled score: a bias that all sets have in deeper
// layers is in the plain number only.
func TestRiseByHand(t *testing.T) {
	slope := [3]float64{0.010, 0.012, 0.014}
	r := handResults(t, 3, eightConvs, 4, func(p, k int, set string, i int) float64 {
		return float64(k)*(slope[p]*role(set)-0.05) + 0.01*float64(i)
	})
	c := r.judgeRises(claimRises("x.rises", "", "", ""), eightConvs)
	// Taps 5, 6, 7 minus taps 0, 1, 2 are five steps apart.
	requireClaim(t, c, c.Controlled, [3]float64{0.050, 0.060, 0.070}, report.Reproduced)
	assert.InDelta(t, (0.050+0.060+0.070)/3-0.25, *c.Plain.Value, 1e-9)
	assert.Contains(t, c.Rule, "convolutions")
}

// The bias of the first convolution: external images have it, with the sign of shared ones.
func TestBiasByHand(t *testing.T) {
	bias := [3]float64{0.30, -0.32, 0.34}
	r := handResults(t, 3, eightConvs, 4, func(p, k int, set string, i int) float64 {
		return bias[p] + 0.02*role(set)
	})
	all := biasClaims(r, r, "conv1")
	require.Len(t, all, 2)
	requireClaim(t, all[0], all[0].Plain, [3]float64{0.28, 0.30, 0.32}, report.Reproduced)
	assert.Equal(t, "depth.bias-raw", all[1].ID)
}

// The most memorized tenth: what the largest scores of other images show is taken off.
func TestTopByHand(t *testing.T) {
	rises := [3]float64{0.2, 0.22, 0.24}
	r := handResults(t, 3, eightConvs, 10, func(p, k int, set string, i int) float64 {
		v := 0.01 * float64(i) // the largest is .09, the smallest 0
		if k >= 5 {
			v += rises[p] * role(set)
		}
		return v
	})
	_, c, err := r.mostMemorized(eightConvs)
	require.NoError(t, err)
	// For f: candidates .09 + rise, independents .09 - rise. For g, scores change their sign:
	// independents 0 + rise, candidates 0 - rise. Mean difference: 2 rises.
	requireClaim(t, c, c.Controlled, [3]float64{0.4, 0.44, 0.48}, report.Reproduced)
	assert.InDelta(t, 0.22, *c.Plain.Value, 1e-9)
}

// Delta of the two halves of a block, in a transformer of three blocks.
func TestAttentionByHand(t *testing.T) {
	var taps []string
	for b := range 3 {
		for _, part := range []string{".attn.proj", ".add1", ".mlp.fc2", ""} {
			taps = append(taps, fmt.Sprintf("blocks.%d%s", b, part))
		}
	}
	connected := [3]float64{0.05, 0.06, 0.04}
	r := handResults(t, 3, taps, 4, func(p, k int, set string, i int) float64 {
		// attn.proj adds .01 to the block before, fc2 adds connected to add1.
		own := []float64{0.01, 0.02, 0.02 + connected[p], 0}[k%4]
		return own * role(set)
	})
	d, err := writeAttention(r)
	require.NoError(t, err)
	requireClaim(t, d.Claims[0], d.Claims[0].Controlled,
		[3]float64{0.05 - 0.01, 0.06 - 0.01, 0.04 - 0.01}, report.Reproduced)
	assert.Len(t, d.Sections[0].Tables[0].Rows, 2, "all blocks but the first")
}

// The mean of a quarter of the points differs from that of all.
func TestCountByHand(t *testing.T) {
	first := [3]float64{0.004, 0.0041, 0.0042}
	r := handResults(t, 3, eightConvs, 8, func(p, k int, set string, i int) float64 {
		v := 0.1
		if i < 2 {
			v += first[p]
		}
		return v * role(set)
	})
	d, err := writeCount(r)
	require.NoError(t, err)
	// The first 2 of 8: the mean of all has a quarter of the addition.
	c := d.Claims[0]
	requireClaim(t, c, c.Controlled, [3]float64{0.75 * 0.004, 0.75 * 0.0041, 0.75 * 0.0042}, report.NotReproduced)
}

// Adjacent layers share their top points, distant ones do not.
func TestConsistencyByHand(t *testing.T) {
	r := handResults(t, 3, eightConvs, 10, func(p, k int, set string, i int) float64 {
		// A fifth of ten points is 2: those at k/2 and k/2 + 1 stand out, by an own amount.
		if at := k / 2; i == at || i == at+1 {
			return 0.5 + 0.01*float64(i+p)
		}
		return 0.01 * float64(i)
	})
	_, near, err := r.overlapOfLayers(eightConvs)
	require.NoError(t, err)
	// Adjacent: four pairs of the same place (1), three one apart (1/2): 5.5/7. Four apart: two
	// places apart or more share nothing.
	for _, v := range near {
		assert.InDelta(t, 5.5/7, v, 1e-9)
	}
	c := r.judgePlain(claimNear, near)
	assert.Equal(t, report.UnderPowered, c.Verdict, "equal in all pairs")
}

// Swaps of three layers: those of largest Delta cost most.
func TestSwapsByHand(t *testing.T) {
	value := map[string]float64{"b": 3, "c": 2, "d": 1, "e": 0.5}
	by := layerValues{"hand", func(int) map[string]float64 { return value }}
	pair := func(most, least float64) []swapped {
		swap := func(own float64, layers ...string) swapped {
			return swapped{From: fromOther, Layers: layers, accuracies: accuracies{Own: own}}
		}
		return []swapped{
			{From: fromNone, accuracies: accuracies{Own: 0.9}},
			swap(0.9-most, "b", "c", "d"), swap(0.9-0.1, "b", "c", "e"), swap(0.9-least, "c", "d", "e"),
			swap(0, "a", "b", "c"), // the first layer has no Delta
		}
	}
	found := [][]swapped{pair(0.3, 0.05), pair(0.32, 0.04), pair(0.28, 0.06)}
	c := (&Reader{}).Judge(claimSwapMost, nil, mostMinusLeast(found, by))
	requireClaim(t, c, c.Controlled, [3]float64{25, 28, 22}, report.Reproduced)
	rho, err := costsBy(found[0], value, 3)
	require.NoError(t, err)
	assert.InDelta(t, 1, rho, 1e-12, "sums 6, 5.5 and 3.5; losses .3, .1 and .05")
}

// Losses of blocks by choice, with two random draws.
func TestBlocksByHand(t *testing.T) {
	pair := func(shift float64) []replaced {
		choice := func(by, end string, own float64) replaced {
			return replaced{By: by, End: end, accuracies: accuracies{Own: own}}
		}
		return []replaced{
			choice("", "", 0.8),
			choice(byControlled, endMost, 0.4-shift), choice(byControlled, endLeast, 0.7),
			choice(byLayerMem, endMost, 0.5), choice(byLayerMem, endLeast, 0.6),
			choice(byPlace, endMost, 0.45), choice(byPlace, endLeast, 0.65),
			choice(byChance, "", 0.55), choice(byChance, "", 0.65),
		}
	}
	claims := blockClaims(&Reader{}, [][]replaced{pair(0), pair(0.01), pair(-0.01)})
	// Random draws lose 20 % on average, the most memorizing blocks 40 %.
	requireClaim(t, claims[0], claims[0].Controlled, [3]float64{20, 21, 19}, report.Reproduced)
	assert.Contains(t, claims[0].Rule, "the 3 blocks of largest controlled Delta replaced minus the mean loss of 10")
	assert.InDelta(t, 10, *claims[1].Controlled.Value, 1e-9, "random 20 %, least 10 %")
	// (40 - 10) - (35 - 15) percent.
	requireClaim(t, claims[2], claims[2].Controlled, [3]float64{10, 11, 9}, report.Reproduced)
}

// Accuracy without units, by the order in which they were chosen.
func TestPruningByHand(t *testing.T) {
	encoder := func(shift float64) []pruned {
		p := func(by string, others bool, draw uint64, own float64) pruned {
			return pruned{Share: 0.1, By: by, Others: others, Draw: draw, accuracies: accuracies{Own: own}}
		}
		return []pruned{
			{accuracies: accuracies{Own: 0.7}},
			p(perturb.Top, false, 0, 0.50-shift), p(perturb.Low, false, 0, 0.62),
			p(perturb.Random, false, 0, 0.57), p(perturb.Random, false, 1, 0.59),
			p(perturb.Top, true, 0, 0.50+shift),
		}
	}
	claims := prunings{encoder(0.01), encoder(0.02), encoder(0.03)}.claims(&Reader{})
	requireClaim(t, claims[0], claims[0].Plain, [3]float64{9, 10, 11}, report.Reproduced)
	requireClaim(t, claims[1], claims[1].Plain, [3]float64{2, 4, 6}, report.UnderPowered)
	assert.InDelta(t, 4, *claims[2].Plain.Value, 1e-9)
	assert.Equal(t, report.UnderPowered, claims[2].Verdict, "the same in all encoders")
}

// Fine-tuning, with layers numbered from 1.
func TestFinetuneByHand(t *testing.T) {
	r := &layered{Results: &Results{Reader: &Reader{}}, convs: eightConvs}
	encoder := func(a, b, c float64) []tuned {
		all := tunings(eightConvs)
		for k := range all {
			switch tunedName(all[k], eightConvs) {
			case "4, 6, 8":
				all[k].Accuracy = a
			case "2, 3, 5":
				all[k].Accuracy = b
			case "6, 7, 8":
				all[k].Accuracy = c
			}
		}
		return all
	}
	found := [][]tuned{encoder(0.6, 0.5, 0.62), encoder(0.61, 0.5, 0.62), encoder(0.62, 0.5, 0.62)}
	claims := finetuneClaims(r, found, []float64{0.5, 0.6, 0.7}, []float64{0.8, 0.9, 0.7})
	requireClaim(t, claims[0], claims[0].Plain, [3]float64{10, 11, 12}, report.Reproduced)
	requireClaim(t, claims[1], claims[1].Plain, [3]float64{-2, -1, 0}, report.UnderPowered)
	requireClaim(t, claims[2], claims[2].Controlled, [3]float64{-0.3, -0.3, 0}, report.UnderPowered)
}

// Units on the most and the least memorized points, of two layers.
func TestPointsByHand(t *testing.T) {
	pair := func(memory float64) []extremeUnits {
		var out []extremeUnits
		for k, layer := range []string{"conv1", "conv2"} {
			for _, s := range memorize.Sides {
				// Choosing points alone gives .2; memory of members adds to it in the second layer.
				out = append(out,
					extremeUnits{Layer: layer, Encoder: s.String(), Set: s.Members(), Most: 0.5 + memory*float64(k), Least: 0.3},
					extremeUnits{Layer: layer, Encoder: s.String(), Set: s.Others(), Most: 0.6, Least: 0.4})
			}
		}
		return out
	}
	c, err := extremes{pair(0.1), pair(0.12), pair(0.14)}.judge(&Reader{})
	require.NoError(t, err)
	requireClaim(t, c, c.Controlled, [3]float64{0.05, 0.06, 0.07}, report.Reproduced)
	assert.InDelta(t, 0.2+0.06, *c.Plain.Value, 1e-9)
}

// One point against batch norm alone, and against many points.
func TestOnePointByHand(t *testing.T) {
	rows := func(from, to float64) []perturb.TrackRow {
		out := make([]perturb.TrackRow, 1+len(onePointWatched))
		for i := range out {
			out[i] = perturb.TrackRow{Best: from, Units: 10, Owned: 1}
		}
		out[len(out)-1].Best, out[len(out)-1].Owned = to, 3
		return out
	}
	found := tracked{}
	for _, rise := range []float64{0.20, 0.22, 0.24} {
		found[armOne] = append(found[armOne], rows(0.5, 0.5+rise))
		found[armOneNorm] = append(found[armOneNorm], rows(0.5, 0.55))
		found[armMany] = append(found[armMany], rows(0.5, 0.53))
		found[armManyNorm] = append(found[armManyNorm], rows(0.5, 0.52))
	}
	claims := onePointClaims(&Reader{}, found)
	requireClaim(t, claims[0], claims[0].Controlled, [3]float64{0.15, 0.17, 0.19}, report.Reproduced)
	requireClaim(t, claims[1], claims[1].Controlled, [3]float64{0.14, 0.16, 0.18}, report.Reproduced)
	assert.Equal(t, report.UnderPowered, claims[2].Verdict, "batch norm alone makes it own the same units")
	assert.InDelta(t, 0.2, *claims[2].Plain.Value, 1e-9)
	assert.Equal(t, report.UnderPowered, claims[3].Verdict)
	assert.Contains(t, claims[3].Why, "no unit was dead")
}

// Cosines of norms: own data against other data, both of another seed.
func TestNormsByHand(t *testing.T) {
	at := func(a, b float64) []perturb.NormCosine {
		return []perturb.NormCosine{{Layer: "bn1", Weight: a}, {Layer: "bn2", Weight: b}}
	}
	var found []normCosines
	for _, d := range []float64{0, 0.01, 0.02} {
		found = append(found, normCosines{Other: at(0.8, 0.82), Same: at(0.95, 0.95), Seed: at(0.84+d, 0.9+d)})
	}
	c := (&Reader{}).judgePlain(claimNorms, ownMinusOther(found, []string{"bn1", "bn2"}))
	requireClaim(t, c, c.Plain, [3]float64{0.06, 0.07, 0.08}, report.Reproduced)
}

// handUnits are the units of an encoder in two taps behind a ReLU, and one in another.
func handUnits(first, last float64) []tapUnits {
	return []tapUnits{
		{Tap: "relu1", Mean: first, Top: first, Max: first}, {Tap: "conv2", Mean: 9, Top: 9, Max: 9},
		{Tap: "relu2", Mean: last, Top: last, Max: last},
	}
}

// Few classes: the number of images explains what all images differ by.
func TestFewClassesByHand(t *testing.T) {
	var all [][]tapUnits
	var pools [][]classPool
	for _, d := range []float64{0, 0.002, 0.004} {
		all = append(all, handUnits(0.5, 0.7))
		one := classPool{Classes: []string{"car"}, Points: 5, Few: handUnits(0.4+d, 0.6), Any: handUnits(0.4, 0.6)}
		pools = append(pools, []classPool{{Few: handUnits(0.4, 0.6), Any: handUnits(0.4, 0.6)}, one})
	}
	c, section := (&Reader{}).fewClasses(all, pools)
	requireClaim(t, c, c.Controlled, [3]float64{0, 0.001, 0.002}, report.Reproduced)
	assert.InDelta(t, -0.099, *c.Plain.Value, 1e-9)
	assert.Contains(t, section.Text[0], "differs by -0.0990 from that on all images")
	assert.Contains(t, section.Text[0], "accounts for -0.1000")
}

// Private training: some units stay high.
func TestPrivacyByHand(t *testing.T) {
	private := [][]tapUnits{handUnits(0.6, 0.7), handUnits(0.6, 0.72), handUnits(0.6, 0.74)}
	untrained := [][]tapUnits{handUnits(0.66, 0.5), handUnits(0.66, 0.5), handUnits(0.66, 0.5)}
	c := judgeSomeStay(&Reader{}, private, untrained)
	requireClaim(t, c, c.Controlled, [3]float64{0.04, 0.06, 0.08}, report.Reproduced)
	assert.InDelta(t, 0.22, *c.Plain.Value, 1e-9)
}

// Variants of the training: duration and decay compare rows.
func TestVariantsByHand(t *testing.T) {
	c := &comparison{
		controlled: [][]float64{{0.05, 0.06, 0.07}, {0.02, 0.02, 0.02}, {0.06, 0.07, 0.08}, nil},
		layerMem:   [][]float64{{0.1, 0.1, 0.1}, {0.2, 0.2, 0.2}, {0.1, 0.1, 0.1}, nil},
		units:      [][]float64{{0.5, 0.5, 0.5}, {0.4, 0.45, 0.5}, {0, 0, 0}, nil},
	}
	claims := durationClaims(&Reader{}, c)
	requireClaim(t, claims[0], claims[0].Controlled, [3]float64{0.03, 0.04, 0.05}, report.Reproduced)
	assert.InDelta(t, -0.1, *claims[0].Plain.Value, 1e-9)
	assert.InDelta(t, 0.01, *claims[1].Controlled.Value, 1e-9)
	requireClaim(t, claims[2], claims[2].Controlled, [3]float64{0.04, 0.05, 0.06}, report.Reproduced)
	requireClaim(t, claims[3], claims[3].Plain, [3]float64{0.1, 0.05, 0}, report.UnderPowered)
}

// Units for points and for classes.
func TestSupervisedByHand(t *testing.T) {
	of := func(units, classes float64) *unitsAndClasses {
		return &unitsAndClasses{
			taps:    []string{"relu1", "relu2"},
			units:   map[string][]float64{"relu1": {0.6, 0.6, 0.6}, "relu2": {units, units + 0.01, units + 0.02}},
			classes: map[string][]float64{"relu1": {0.2, 0.2, 0.2}, "relu2": {classes, classes, classes}},
		}
	}
	claims := unitClaims(&Reader{}, of(0.5, 0.3), of(0.4, 0.5))
	requireClaim(t, claims[0], claims[0].Plain, [3]float64{0.2, 0.21, 0.22}, report.Reproduced)
	assert.InDelta(t, 0.3, *claims[1].Controlled.Value, 1e-9, ".1 of the supervised minus -.2 of simclr")
	requireClaim(t, claims[2], claims[2].Plain, [3]float64{0.1, 0.09, 0.08}, report.Reproduced)
}

// Other seeds against other images.
func TestInitialisationByHand(t *testing.T) {
	size := [3]float64{-0.10, 0.11, -0.12}
	pairs := handResults(t, 3, eightConvs, 2, func(p, k int, set string, i int) float64 { return size[p] })
	seeds := handResults(t, 3, eightConvs, 2, func(p, k int, set string, i int) float64 { return 0.2 })
	d := initialDifferences{
		pairs: pairs, seeds: seeds.scores,
		pairMatrix: func(string) []float64 { return []float64{0.5, 0.6, 0.7} },
		seedMatrix: func(string) []float64 { return []float64{0.4, 0.4, 0.4} },
	}
	claims := d.claims(eightConvs)
	requireClaim(t, claims[0], claims[0].Plain, [3]float64{-0.1, -0.09, -0.08}, report.NotReproduced)
	requireClaim(t, claims[1], claims[1].Plain, [3]float64{0.1, 0.2, 0.3}, report.UnderPowered)
}

// Fisher's interval of a correlation of .5 over 28 images: atanh(.5) ± 1.96/5.
func TestReliableByHand(t *testing.T) {
	x := &crossedPairs{Results: &Results{Reader: &Reader{}}, universe: make([]int, 28)}
	c := x.judgeReliable(tapCensus{tap: "relu4", reliability: &stats.Reliability{Half: 0.5, Full: 2.0 / 3, Couples: 2}})
	assert.InDelta(t, math.Tanh(0.549306-1.959964/5), *c.Controlled.Lo, 1e-5)
	assert.InDelta(t, math.Tanh(0.549306+1.959964/5), *c.Controlled.Hi, 1e-5)
	assert.Equal(t, report.Reproduced, c.Verdict)
	assert.Equal(t, report.UnderPowered, x.judgeReliable(tapCensus{}).Verdict)
}
