package memorize

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// literalChange is P_u(x) from the views of a point in f and in g.
func literalChange(u int, absolute bool, f, g []act) float64 {
	a, b := literalMu(u, absolute, f), literalMu(u, absolute, g)
	return (a - b) / (math.Abs(a) + math.Abs(b))
}

func TestUnitChangeIsTheFormula(t *testing.T) {
	for _, absolute := range []bool{false, true} {
		o := small()
		o.Absolute = absolute
		w := newWorld(o, 11, signed)
		s := w.score(t, engine(t, 2), 2)
		mean := map[string]float64{} // by tap, set and kind
		unit := map[string]float64{}
		rows := 0
		for set := range w.sets {
			for tap, info := range w.taps {
				f, g := w.literal(F, set, tap), w.literal(G, set, tap)
				c := shapes[tap][len(shapes[tap])-1]
				for u := range c {
					signed, size := 0.0, 0.0
					for p := range f {
						v := literalChange(u, absolute, f[p], g[p])
						signed += v / float64(len(f))
						size += math.Abs(v) / float64(len(f))
					}
					key := info.Name + w.sets[set].Name
					mean[key+"signed"] += signed / float64(c)
					mean[key+"size"] += size / float64(c)
					unit[key+strconv.Itoa(u)] = signed
					got := s.UnitChanges[rows]
					rows++
					assert.Equal(t, []any{info.Name, u, w.sets[set].Name}, []any{got.Tap, got.Unit, got.Set})
					assert.InDelta(t, signed, got.Mean, 1e-5)
					assert.InDelta(t, size, got.Size, 1e-5)
				}
			}
		}
		for _, got := range s.UnitChanges[rows:] {
			require.Equal(t, Controlled, got.Set)
			u := strconv.Itoa(got.Unit)
			assert.InDelta(t, (unit[got.Tap+Candidate+u]-unit[got.Tap+Independent+u])/2, got.Mean, 1e-5)
		}
		assert.Len(t, s.UnitChanges, rows+4+6+11)
		require.Len(t, s.TapChanges, 3*(4+4+1))
		for _, got := range s.TapChanges {
			want := mean[got.Tap+got.Set+got.Kind]
			if got.Set == Controlled {
				assert.Equal(t, "signed", got.Kind)
				want = (mean[got.Tap+Candidate+"signed"] - mean[got.Tap+Independent+"signed"]) / 2
			}
			assert.InDelta(t, want, got.Stat.Mean, 1e-5, "%+v", got)
			assert.True(t, got.Stat.Lo <= got.Stat.Mean && got.Stat.Mean <= got.Stat.Hi)
		}
	}
}

func TestUnitChangeByHand(t *testing.T) {
	sets := []Set{{Candidate, []int{8, 9}}}
	// Two equal views of two points, units by column: (3-1)/4, (0-0)/0; (-1-1)/2, (2-0)/2.
	f := []float32{3, 0, 3, 0, -1, 2, -1, 2}
	g := []float32{1, 0, 1, 0, 1, 0, 1, 0}
	s, err := fromRows(t, pairs(), sets, 2, [][]float32{f}, [][]float32{g})
	require.NoError(t, err)
	assert.Equal(t, []UnitChange{{"only", 0, Candidate, -0.25, 0.75}, {"only", 1, Candidate, 0.5, 0.5}}, s.UnitChanges)
	assert.Equal(t, 0.125, s.TapChanges[0].Stat.Mean)
	assert.Equal(t, 0.625, s.TapChanges[1].Stat.Mean)
	assert.Empty(t, s.HeldOut)
	assert.Empty(t, s.Separations)
}

// The owners of the top units of a pool, by the formulas on the pool itself.
func TestHeldOutIsUnitMemOfThePool(t *testing.T) {
	for _, rest := range []Rest{Mean, Median} {
		o := small()
		o.Rest = rest
		w := newWorld(o, 12, positive)
		s := w.score(t, engine(t, 2), 2)
		require.Len(t, s.HeldOut, 9)
		for tap, info := range w.taps {
			both := 0
			for side := range 2 {
				// Five of each: all candidates, the first of the six independents.
				pool := slices.Concat(w.literal(Side(side), 0, tap), w.literal(Side(side), 2, tap)[:5])
				type unit struct {
					value float64
					k     int
				}
				var all []unit
				c := shapes[tap][len(shapes[tap])-1]
				for u := range c {
					value, _, _, k := literalUnitMem(u, rest, false, pool)
					all = append(all, unit{value, k})
				}
				slices.SortStableFunc(all, func(a, b unit) int { return int(math.Copysign(1, b.value-a.value)) })
				top := (c + 9) / 10
				members := 0
				for _, u := range all[:top] {
					if (u.k < 5) == (side == 0) {
						members++
					}
				}
				both += members
				got := s.HeldOut[side*3+tap]
				assert.Equal(t, []any{Side(side).String(), info.Name, 5, c, top, members},
					[]any{got.Encoder, got.Tap, got.Points, got.Units, got.Members.N, got.Members.K}, "%s", rest)
				assert.True(t, got.P > 0 && got.P <= 1)
			}
			got := s.HeldOut[6+tap]
			assert.Equal(t, []any{"both", both}, []any{got.Encoder, got.Members.K})
		}
	}
}

// worldOfUnits has one tap of n positive units over two sets of points points;
// boost changes mean activations.
func worldOfUnits(t *testing.T, n, points int, boost func(side Side, set, point, unit int, v float64) float64) *Scores {
	o := pairs()
	o.Resamples = 999
	sets := []Set{{Name: Candidate}, {Name: Independent}}
	r := rng.New(13, "units")
	var acts [2][][]float32
	for p := range points {
		sets[0].Points, sets[1].Points = append(sets[0].Points, p), append(sets[1].Points, 1000+p)
	}
	for side := range acts {
		for set := range sets {
			var rows []float32
			for p := range points {
				view := make([]float32, n)
				for u := range view {
					view[u] = float32(boost(Side(side), set, p, u, 1+r.Float64()))
				}
				rows = append(append(rows, view...), view...)
			}
			acts[side] = append(acts[side], rows)
		}
	}
	s, err := fromRows(t, o, sets, n, acts[F], acts[G])
	require.NoError(t, err)
	return s
}

// The test finds units that answer to members, and is not taken in by one odd
// point that owns many units, as a binomial test is.
func TestHeldOutFindsMembers(t *testing.T) {
	memorized := worldOfUnits(t, 200, 30, func(side Side, set, p, u int, v float64) float64 {
		if set == int(side) && u%30 == p && u < 30 { // each member has a unit
			v += 3
		}
		return v
	})
	for _, h := range memorized.HeldOut {
		assert.Greater(t, h.Members.Share, 0.9, "%+v", h)
		assert.Less(t, h.P, 0.005)
	}
	odd := worldOfUnits(t, 200, 30, func(_ Side, set, p, u int, v float64) float64 {
		if set == 0 && p == 7 {
			v += 3
		}
		return v
	})
	h := odd.HeldOut[0]
	assert.Equal(t, 1.0, h.Members.Share)
	assert.Less(t, h.Members.P, 1e-4)
	assert.Equal(t, 1.0, h.P, "one point is a member or not")
	assert.Equal(t, 1, h.Owners)
	assert.Equal(t, 0.5, odd.HeldOut[2].Members.Share, "it is as odd for g, where it is no member")
	assert.Equal(t, "both", odd.HeldOut[2].Encoder)
}

func TestNumMemUnitsByHand(t *testing.T) {
	sets := []Set{{Candidate, []int{10, 20, 30, 40}}}
	var rows []float32
	for _, p := range [][]float32{
		// dead below 0 alone  third  seventh
		{1, -3, 0, 1, 3},
		{1, -1, 8, 1, 3},
		{1, -3, 0, 3, 3},
		{1, -3, 0, 1, 4},
	} {
		rows = append(append(rows, p...), p...)
	}
	s, err := fromRows(t, pairs(), sets, 5, [][]float32{rows}, [][]float32{rows})
	require.NoError(t, err)
	// UnitMem 1, (3-1)/(3+1) and 1/7: the second is at the threshold, not above.
	want := NumMemUnits{Encoder: "f", Tap: "only", Depth: 1, Set: Candidate, Units: 5, Ranked: 3, Threshold: 0.5, Above: 1, Top: Owners{Units: 1, Distinct: 1, Most: 1, MostBy: 20}}
	assert.Equal(t, want, s.NumMemUnits[0])
	assert.Equal(t, []Owner{{"f", "only", Candidate, 20, 1, 0}, {"g", "only", Candidate, 20, 1, 0}}, s.Owners)
}

func TestTopScoresByHand(t *testing.T) {
	sets := []Set{{Candidate, []int{4, 5, 6, 7, 8}}}
	// Alignments of f 1; of g 3, 1, 1, 0 and 9: raw scores 2, 0, 0, -1, 8.
	o := pairs()
	o.Estimators = []Estimator{Raw, Paper}
	s, err := fromRows(t, o, sets, 1, [][]float32{{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}}, [][]float32{{0, 3, 0, 1, 0, 1, 0, 0, 0, 9}})
	require.NoError(t, err)
	require.Len(t, s.TopScores, 2)
	assert.Equal(t, TopScore{"only", 1, Candidate, Raw, L2, 2, 5, -0.5}, s.TopScores[0])
	assert.InDelta(t, (0.5+0.8)/2, s.TopScores[1].Top, 1e-15)
	assert.Equal(t, []RankedPoint{{"only", Candidate, 1, 8, 8}, {"only", Candidate, 2, 4, 2}, {"only", Candidate, 4, 6, 0}, {"only", Candidate, 5, 7, -1}}, s.RankedPoints)
}

func TestSeparationIsOfPoints(t *testing.T) {
	w := newWorld(small(), 15, signed)
	s := w.score(t, engine(t, 2), 3)
	require.Len(t, s.Separations, 5*2*3, "not of range")
	for _, got := range s.Separations {
		c, i := s.PointScores(got.Tap, Candidate, got.Estimator, got.Distance), s.PointScores(got.Tap, Independent, got.Estimator, got.Distance)
		wins, best := 0.0, 0
		for _, v := range c {
			for _, x := range i {
				if v > x {
					wins++
				}
			}
			if v > slices.Max(i) {
				best++
			}
		}
		assert.InDelta(t, wins/30, got.AUC, 1e-12)
		assert.InDelta(t, float64(best)/5, got.TPR1, 1e-12)
		assert.Equal(t, got.TPR1, got.TPR10, "six independents allow for none at 10 %")
		assert.Equal(t, []int{5, 6}, []int{got.Positives, got.Negatives})
	}
}

// Delta among some taps is the difference of their LayerMem, and among all of
// them Delta itself, interval and all.
func TestDeltasAmong(t *testing.T) {
	w := newWorld(small(), 16, signed)
	w.taps = []Tap{{"conv1", 1}, {"bn1", 4}, {"layer1.0.conv2", 5}}
	e := engine(t, 2)
	s := w.score(t, e, 3)
	all, err := s.DeltasAmong(e, nil)
	require.NoError(t, err)
	assert.Equal(t, s.Deltas, all)
	require.Len(t, s.ConvDeltas, 5*3*5)
	for _, d := range s.ConvDeltas {
		assert.Equal(t, "layer1.0.conv2 conv1", d.Tap+" "+d.Previous)
		a, _ := s.Layer("layer1.0.conv2", d.Set, d.Estimator, d.Distance)
		b, _ := s.Layer("conv1", d.Set, d.Estimator, d.Distance)
		assert.InDelta(t, a.Stat.Mean-b.Stat.Mean, d.Stat.Mean, 1e-12)
		assert.True(t, d.Stat.Lo <= d.Stat.Mean && d.Stat.Mean <= d.Stat.Hi)
	}
	_, err = s.DeltasAmong(e, []string{"attn*"})
	assert.ErrorContains(t, err, `no tap matches "attn*"`)
	w.taps[0].Name, w.taps[2].Name = "a", "b"
	assert.Empty(t, w.score(t, e, 3).ConvDeltas)
}

func TestSwapSymmetryHolds(t *testing.T) {
	s := newWorld(small(), 17, signed).score(t, engine(t, 2), 3)
	assert.Equal(t, SwapSymmetry{Scores: 5 * 3 * 3 * (20 + 4 + 1), Exact: true}, s.Swap)
}

// Swapping encoders swaps what is said of each.
func TestSwapOfTheNewMetrics(t *testing.T) {
	w := newWorld(small(), 18, positive)
	e := engine(t, 2)
	s := w.score(t, e, 2)
	w.acts[F], w.acts[G] = w.acts[G], w.acts[F]
	back := w.score(t, e, 2)
	for i, c := range s.TapChanges {
		want := c.Stat
		if c.Kind == "signed" {
			want = Stat{Mean: -want.Mean, SE: want.SE, Lo: -want.Hi, Hi: -want.Lo, N: want.N}
		}
		assert.Equal(t, want, back.TapChanges[i].Stat, "%+v", c)
	}
	for i, a := range s.Separations {
		assert.InDelta(t, 1-a.AUC, back.Separations[i].AUC, 1e-12)
	}
	for i, u := range s.NumMemUnits {
		j := (i + len(s.NumMemUnits)/2) % len(s.NumMemUnits)
		u.Encoder = back.NumMemUnits[j].Encoder
		assert.Equal(t, u, back.NumMemUnits[j])
	}
}

func TestFilesOfTheNewMetrics(t *testing.T) {
	w := newWorld(small(), 19, positive)
	w.taps[0].Name, w.taps[1].Name = "conv1", "conv2"
	s := w.score(t, engine(t, 2), 2)
	s.Alignments = []AlignmentScore{{Tap: "conv1", Depth: 1, Set: Shared, Stat: Stat{1, 2, 3, 4, 5}, Rows: Stat{6, 7, 8, 9, 5}}}
	dir := t.TempDir()
	_, err := s.WriteFiles(dir)
	require.NoError(t, err)
	for name, want := range map[string]int{
		"delta_conv.csv": len(s.ConvDeltas), "auc.csv": len(s.Separations), "topk.csv": len(s.TopScores), "toppoints.csv": len(s.RankedPoints),
		"memunits.csv": len(s.NumMemUnits), "owners.csv": len(s.Owners), "heldout.csv": len(s.HeldOut), "perturbation.csv": len(s.TapChanges),
		"perturbation_units.csv": len(s.UnitChanges), "alignment.csv": 1,
	} {
		_, rows := csvTable(t, filepath.Join(dir, name))
		assert.Len(t, rows, want, name)
		assert.NotEmpty(t, rows, name)
	}
	_, rows := csvTable(t, filepath.Join(dir, "heldout.csv"))
	h := s.HeldOut[4]
	assert.Equal(t, map[string]string{"encoder": "g", "tap": "conv2", "depth": "4", "points": "5", "units": "6", "top_units": "1",
		"by_members": strconv.Itoa(h.Members.K), "share": number(h.Members.Share), "lo": number(h.Members.Lo), "hi": number(h.Members.Hi),
		"p_binomial": number(h.Members.P), "p": number(h.P), "owners": "1"}, rows[4])
	_, rows = csvTable(t, filepath.Join(dir, "alignment.csv"))
	assert.Equal(t, map[string]string{"tap": "conv1", "depth": "1", "set": Shared, "score": "1", "se": "2", "lo": "3", "hi": "4", "n": "5",
		"rows": "6", "rows_se": "7", "rows_lo": "8", "rows_hi": "9"}, rows[0])
}
