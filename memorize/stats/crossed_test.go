package stats

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/locimem/locimem/internal/rng"
)

// members turns "+-" per image into candidates.
func members(rows ...string) (out [][]bool) {
	for _, row := range rows {
		var m []bool
		for _, sign := range row {
			m = append(m, sign == '+')
		}
		out = append(out, m)
	}
	return out
}

// byHand is a case whose couples are orthogonal: A has the eigenvalues 1, 1, 1/2
// and 1/2.
func byHand() Crossed {
	return Crossed{
		Scores: [][]float64{{8, 0, 4, -4}, {-3, 5, 3, 7}, {7, 3, -1, -1}, {-2, 2, 4, 12}},
		Member: members("++--", "--++", "+-+-", "-+-+"),
	}
}

// randomCrossed draws pairs of n images with memorization theta.
func randomCrossed(r *rand.Rand, pairs, n int, theta float64) Crossed {
	c := Crossed{make([][]float64, pairs), make([][]bool, pairs)}
	half := make([]uint64, (n+63)/64)
	for p := range pairs {
		if p%2 == 0 {
			randomHalf(r, n, half)
		}
		for i := range n {
			in := half[i/64]>>(i%64)&1 == 1
			c.Member[p] = append(c.Member[p], in != (p%2 == 1))
			c.Scores[p] = append(c.Scores[p], theta*c.sign(p, i)+r.NormFloat64())
		}
	}
	return c
}

// clone returns a copy whose scores can be changed.
func (c Crossed) clone() Crossed {
	out := Crossed{Member: c.Member}
	for _, s := range c.Scores {
		out.Scores = append(out.Scores, slices.Clone(s))
	}
	return out
}

func TestPopulationByHand(t *testing.T) {
	got, err := byHand().Population(0.9)
	require.NoError(t, err)
	assert.Equal(t, []float64{2, 2, 1, 3}, got.PairMeans)
	near(t, 2, got.Mean)
	// The images' own effects are -1/4, -1/4, -1/4 and 3/4, so
	// A u is 2.25, 1.75, 1.25 and 2.75. A halves the differences within a couple.
	for p, u := range []float64{2.5, 1.5, 0.5, 3.5} {
		near(t, u, got.Adjusted[p])
	}
	pairs := 5. / 3 / 4
	near(t, math.Sqrt(pairs), got.Pairs.SE)
	quantile := func(p, df float64) float64 {
		return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
	}
	near(t, 2-quantile(0.95, 3)*math.Sqrt(pairs), got.Pairs.Lo)
	near(t, 2+quantile(0.95, 3)*math.Sqrt(pairs), got.Pairs.Hi)
	assert.Equal(t, 4, got.Pairs.N)
	// The images' values are 5.75, -1.75, -1.25 and 5.25, their residual variances 0.25,
	// 0.25, 3.25 and 6.25.
	spread, noise := 49.25/3, 2.5/4
	near(t, 2+distuv.UnitNormal.Quantile(0.95)*math.Sqrt(spread/4), got.Images.Hi)
	images := (spread - noise) / 4
	near(t, math.Sqrt(pairs+images), got.Both.SE)
	near(t, (pairs+images)*(pairs+images)/(pairs*pairs/3+(spread*spread/3+noise*noise/8)/16), got.BothDF)
	near(t, got.Both.SE*(quantile(0.95, got.BothDF)+quantile(0.8, got.BothDF)), *got.Detectable)
	near(t, 2+quantile(0.95, got.BothDF)*got.Both.SE, got.Both.Hi)
}

func TestImagesByHand(t *testing.T) {
	got, err := byHand().Images()
	require.NoError(t, err)
	assert.Equal(t, 2.0, got.DF)
	variances := []float64{0.25, 0.25, 3.25, 6.25}
	assert.Equal(t, newPrior(variances, 2), got.Prior)
	require.True(t, got.Prior.DF > 0 && !math.IsInf(got.Prior.DF, 1), "%+v", got.Prior)
	for i, value := range []float64{5.75, -1.75, -1.25, 5.25} {
		near(t, value, got.Scores[i].Value)
		moderated := (got.Prior.DF*got.Prior.Variance + 2*variances[i]) / (got.Prior.DF + 2)
		near(t, math.Sqrt(moderated/4), got.Scores[i].SE)
		near(t, value/math.Sqrt(moderated/4), got.Scores[i].T)
		d := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: 2 + got.Prior.DF}
		near(t, 2*d.CDF(-math.Abs(got.Scores[i].T)), got.Scores[i].P)
	}
}

func TestReliabilityByHand(t *testing.T) {
	got, err := byHand().Reliability(1)
	require.NoError(t, err)
	// The couples' values are 12, -4, -2, 10 and 11, -3, -3, 11.
	half := 4 / (2 * math.Sqrt(5))
	near(t, half, got.Half)
	near(t, 2*half/(1+half), got.Full)
	assert.Equal(t, 1, got.Divisions)
	assert.Equal(t, 2, got.Couples)

	c := byHand()
	c.Scores[2], c.Scores[3] = c.Scores[3], c.Scores[2] // turns the second couple's values
	got, err = c.Reliability(1)
	require.NoError(t, err)
	near(t, -half, got.Half)
	assert.Zero(t, got.Full)
}

// Three couples have two halves of one couple each: the step up is threefold.
func TestReliabilityLeavesEachOddCoupleOut(t *testing.T) {
	c := randomCrossed(rng.New(1, "reliability"), 6, 40, 0)
	for p := range c.Scores {
		for i := range c.Scores[p] {
			c.Scores[p][i] += c.sign(p, i) * float64(i) / 10
		}
	}
	values := func(k int) (v []float64) {
		pair := Crossed{c.Scores[2*k : 2*k+2], c.Member[2*k : 2*k+2]}
		f := pair.fit(pair.centred())
		return f.value
	}
	want := 0.0
	for _, of := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
		r, err := Spearman(values(of[0]), values(of[1]))
		require.NoError(t, err)
		want += r.Value / 3
	}
	got, err := c.Reliability(1)
	require.NoError(t, err)
	require.Equal(t, 3, got.Divisions)
	near(t, want, got.Half)
	near(t, 3*want/(1+2*want), got.Full)
}

func TestDivisionsAreAllWaysOnce(t *testing.T) {
	for n, count := range map[int]int{2: 1, 3: 3, 4: 3, 5: 15, 6: 10, 7: 70, 8: 35, 9: 200, 10: 126, 12: 200, 60: 200} {
		got := divisions(n, 3)
		assert.Len(t, got, count, "%d couples", n)
		seen := map[string]bool{}
		for _, d := range got {
			require.Len(t, d, n/2*2)
			in, other := slices.Sorted(slices.Values(d[:n/2])), slices.Sorted(slices.Values(d[n/2:]))
			if other[0] < in[0] {
				in, other = other, in
			}
			both := slices.Sorted(slices.Values(d))
			assert.Len(t, slices.Compact(both), n/2*2, "no couple is in a division twice")
			key, err := json.Marshal([][]int{in, other})
			require.NoError(t, err)
			assert.False(t, seen[string(key)] && count < maxDivisions, "%d couples: twice %s", n, key)
			seen[string(key)] = true
		}
	}
	assert.Equal(t, divisions(12, 3), divisions(12, 3))
	assert.NotEqual(t, divisions(12, 3), divisions(12, 4))
}

// Numbers of SciPy 1.17.1:
//
//	def fit(x, d):
//	    x = np.maximum(x, 1e-5*np.median(x))
//	    e = np.log(x) - digamma(d/2) + np.log(d/2)
//	    v = e.var(ddof=1) - polygamma(1, d/2)
//	    if v <= 0: return np.inf, np.mean(x)
//	    h = brentq(lambda y: polygamma(1, y) - v, 1e-8, 1e8, xtol=1e-14, rtol=1e-14)
//	    return 2*h, np.exp(e.mean() + digamma(h) - np.log(h))
func TestVariancesAreModeratedAsInSciPy(t *testing.T) {
	for _, c := range []struct {
		variances    []float64
		df           float64
		prior        Prior
		first, third float64 // moderated
	}{
		{[]float64{0.2, 1.5, 0.9, 4.2, 7.7, 0.01, 2.5}, 2,
			Prior{1.2340776387953223, 0.5286402713112848}, 0.32540441366273326, 0.7582944541509056},
		{[]float64{1, 1.1, 0.9, 1.2, 0.8}, 4, Prior{math.Inf(1), 1}, 1, 1},
		{[]float64{0.001, 30, 0.5, 2, 9, 0.2, 0}, 6,
			Prior{0.37152929231599857, 0.0024987174449216864}, 0.0010873914889420523, 0.47099027706630797},
	} {
		got := newPrior(c.variances, c.df)
		assert.InEpsilon(t, c.prior.Variance, got.Variance, 1e-7)
		if math.IsInf(c.prior.DF, 1) {
			assert.Equal(t, c.prior.DF, got.DF)
		} else {
			assert.InEpsilon(t, c.prior.DF, got.DF, 1e-7)
		}
		assert.InEpsilon(t, c.first, got.moderate(c.variances[0], c.df), 1e-7)
		assert.InEpsilon(t, c.third, got.moderate(c.variances[2], c.df), 1e-7)
	}
	assert.Equal(t, Prior{}, newPrior([]float64{0, 0, 0, 1}, 2))
	for _, x := range []float64{1e-8, 1e-4, 0.3, 1, 50, 1e6} {
		assert.InEpsilon(t, x, trigamma(trigammaInverse(x)), 1e-6)
	}
	assert.InEpsilon(t, math.Pi*math.Pi/6, trigamma(1), 1e-12)
}

// halves returns all ways to choose half of n images, as signs.
func halves(n int) (out [][]float64) {
	for _, in := range combin.Combinations(n, n/2) {
		m := make([]float64, n)
		for i := range m {
			m[i] = -1
		}
		for _, i := range in {
			m[i] = 1
		}
		out = append(out, m)
	}
	return out
}

// All ways to draw the halves of two couples and a single pair of 6 images: 8000.
// The closed SD is theirs, and p is the share of them that are as far out.
func TestMembershipAgainstAllDraws(t *testing.T) {
	c := randomCrossed(rng.New(5, "all draws"), 5, 6, 0.3)
	mean := func(m, s []float64) float64 { return stat.Mean(product(m, s), nil) }
	// Each pair loses the images' means over the other complete couples, which
	// cancel in all but the last pair.
	free := c.centred()
	for p, others := range [][]int{{2, 3}, {2, 3}, {0, 1}, {0, 1}, {0, 1, 2, 3}} {
		for i := range free[p] {
			for _, q := range others {
				free[p][i] -= c.centred()[q][i] / float64(len(others))
			}
		}
	}
	var all []float64
	single := make([][]float64, 5)
	for _, a := range halves(6) {
		for p := range 5 {
			sign := 1 - 2*float64(p%2)
			single[p] = append(single[p], sign*mean(a, free[p]))
		}
		for _, b := range halves(6) {
			for _, d := range halves(6) {
				all = append(all, (mean(a, c.Scores[0])-mean(a, c.Scores[1])+
					mean(b, c.Scores[2])-mean(b, c.Scores[3])+mean(d, free[4]))/5)
			}
		}
	}
	require.Len(t, all, 8000)
	r := Resampling{Resamples: 9999, Level: 0.95, Seed: 3}
	got, err := c.Membership(r)
	require.NoError(t, err)
	verify := func(draws []float64, statistic float64, got MembershipTest) {
		t.Helper()
		near(t, statistic, got.Statistic)
		near(t, stat.PopStdDev(draws, nil), got.SD)
		near(t, statistic/got.SD, got.Z)
		near(t, math.Erfc(math.Abs(got.Z)/math.Sqrt2), got.PNormal)
		share := 0.0
		for _, v := range draws {
			if math.Abs(v) >= math.Abs(statistic)-1e-12 {
				share += 1 / float64(len(draws))
			}
		}
		assert.InDelta(t, share, got.P, 4*math.Sqrt(share*(1-share)/9999)+1e-4)
		assert.False(t, got.Exact)
		assert.Equal(t, 9999, got.Arrangements)
	}
	whole := 0.0
	for p, pair := range got.Pairs {
		verify(single[p], c.signedMean(p, free[p]), pair)
		whole += pair.Statistic / 5
	}
	verify(all, whole, got.MembershipTest)
	assert.Len(t, got.Pairs, 5)
}

func product(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] * y[i]
	}
	return out
}

func TestMembershipByHand(t *testing.T) {
	got, err := byHand().Membership(DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, 2.0, got.Statistic)
	near(t, math.Sqrt((264.+260)/(16*4*3)), got.SD) // the differences' squares
	far := 0.0
	c := byHand()
	for _, a := range halves(4) {
		for _, b := range halves(4) {
			v := 0.0
			for i := range 4 {
				v += (a[i]*(c.Scores[0][i]-c.Scores[1][i]) + b[i]*(c.Scores[2][i]-c.Scores[3][i])) / 16
			}
			if math.Abs(v) >= 2 {
				far++
			}
		}
	}
	assert.InDelta(t, far/36, got.P, 0.04)
}

// Every half of 6 images comes equally often.
func TestHalvesAreDrawnAlike(t *testing.T) {
	r := rng.New(1, "halves")
	half := make([]uint64, 1)
	count := map[uint64]int{}
	const draws = 20000
	for range draws {
		randomHalf(r, 6, half)
		count[half[0]]++
	}
	require.Len(t, count, 20)
	chi := 0.0
	for _, n := range count {
		chi += (float64(n) - draws/20) * (float64(n) - draws/20) / (draws / 20)
	}
	assert.Less(t, chi, distuv.ChiSquared{K: 19}.Quantile(0.999))
	half = make([]uint64, 3)
	for range 100 {
		randomHalf(r, 130, half)
		assert.Zero(t, half[2]>>2)
		n := 0
		for i := range 130 {
			n += int(half[i/64] >> (i % 64) & 1)
		}
		assert.Equal(t, 65, n)
	}
}

// Neither a bias of the pair nor an odd image changes anything in balanced pairs.
func TestBiasAndOddImagesCancel(t *testing.T) {
	r := rng.New(2, "cancel")
	c := randomCrossed(r, 6, 24, 0.4)
	shifted := c.clone()
	image := make([]float64, 24)
	for i := range image {
		image[i] = 50 * r.NormFloat64()
	}
	for _, s := range shifted.Scores {
		bias := 20 * r.NormFloat64()
		for i := range s {
			s[i] += bias + image[i]
		}
	}
	a, err := c.Population(0.95)
	require.NoError(t, err)
	b, err := shifted.Population(0.95)
	require.NoError(t, err)
	assert.InDelta(t, a.Mean, b.Mean, 1e-12)
	for _, of := range [][2]*Mean{{a.Pairs, b.Pairs}, {a.Both, b.Both}} {
		assert.InDelta(t, of[0].Lo, of[1].Lo, 1e-11)
		assert.InDelta(t, of[0].Hi, of[1].Hi, 1e-11)
		assert.InDelta(t, of[0].P, of[1].P, 1e-11)
	}
	assert.InDelta(t, a.Images.Lo, b.Images.Lo, 1e-11)
	assert.InDelta(t, *a.Detectable, *b.Detectable, 1e-11)
	assert.Greater(t, math.Abs(a.PairMeans[2]-b.PairMeans[2]), 1.0, "a pair alone is not free of odd images")
	plain, err := Student(b.PairMeans, 0.95)
	require.NoError(t, err)
	assert.Greater(t, plain.SE, 3*b.Pairs.SE, "Student over the pairs is too wide")

	m, err := c.Membership(DefaultResampling(1, ""))
	require.NoError(t, err)
	n, err := shifted.Membership(DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, m.P, n.P)
	near(t, a.Mean, m.Statistic)
	assert.InDelta(t, m.SD, n.SD, 1e-12)
	assert.InDelta(t, m.Z, n.Z, 1e-10)
	assert.InDelta(t, m.Pairs[2].Z, n.Pairs[2].Z, 1e-10, "the other couples show the images' effects")
	m, err = Crossed{c.Scores[:5], c.Member[:5]}.Membership(DefaultResampling(1, ""))
	require.NoError(t, err)
	n, err = Crossed{shifted.Scores[:5], shifted.Member[:5]}.Membership(DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, m.P, n.P)
	assert.InDelta(t, m.Z, n.Z, 1e-10, "not even of a last pair without a partner")

	x, err := c.Images()
	require.NoError(t, err)
	y, err := shifted.Images()
	require.NoError(t, err)
	for i := range x.Scores {
		assert.InDelta(t, x.Scores[i].Value, y.Scores[i].Value, 1e-11)
		assert.InDelta(t, x.Scores[i].SE, y.Scores[i].SE, 1e-11)
	}
	u, err := c.Reliability(1)
	require.NoError(t, err)
	v, err := shifted.Reliability(1)
	require.NoError(t, err)
	assert.InDelta(t, u.Full, v.Full, 1e-12)
}

// Exchanging f and g turns the sign of every score and the role of every image, which
// changes nothing. Turning only the scores turns the sign of everything.
func TestExchangingTheEncodersChangesNothing(t *testing.T) {
	c := randomCrossed(rng.New(3, "exchange"), 5, 24, 0.4)
	negative, exchanged := c.clone(), c.clone()
	exchanged.Member = nil
	for p := range c.Scores {
		var m []bool
		for i := range c.Scores[p] {
			negative.Scores[p][i] *= -1
			exchanged.Scores[p][i] *= -1
			m = append(m, !c.Member[p][i])
		}
		exchanged.Member = append(exchanged.Member, m)
	}
	a, err := c.Population(0.95)
	require.NoError(t, err)
	for _, d := range []Crossed{exchanged, negative} {
		b, err := d.Population(0.95)
		require.NoError(t, err)
		m, err := c.Membership(DefaultResampling(1, ""))
		require.NoError(t, err)
		n, err := d.Membership(DefaultResampling(1, ""))
		require.NoError(t, err)
		x, err := c.Images()
		require.NoError(t, err)
		y, err := d.Images()
		require.NoError(t, err)
		sign := 1.0
		if d.Member[0][0] == c.Member[0][0] {
			sign = -1
			assert.Equal(t, m.P, n.P)
			near(t, -a.Both.Hi, b.Both.Lo)
		} else {
			near(t, a.Both.Lo, b.Both.Lo)
		}
		near(t, sign*a.Mean, b.Mean)
		near(t, sign*m.Z, n.Z)
		near(t, sign*x.Scores[7].T, y.Scores[7].T)
	}
}

// A pair without a partner leaves the images unbalanced. Nothing but the means of
// the pairs depends on their own effects all the same.
func TestOddNumberOfPairsIsAdjustedToo(t *testing.T) {
	c := randomCrossed(rng.New(4, "odd"), 3, 12, 0.4)
	shifted := c.clone()
	for p := range shifted.Scores {
		shifted.Scores[p][0] += 7
		shifted.Scores[p][5] -= 2
	}
	a, err := c.Population(0.95)
	require.NoError(t, err)
	b, err := shifted.Population(0.95)
	require.NoError(t, err)
	assert.NotEqual(t, stat.Mean(a.PairMeans, nil), stat.Mean(b.PairMeans, nil))
	near(t, a.Mean, b.Mean)
	near(t, stat.Mean(a.Adjusted, nil), a.Mean)
	near(t, a.Both.Lo, b.Both.Lo)
	near(t, a.Both.SE, b.Both.SE)
	near(t, a.Images.Hi, b.Images.Hi)
	want, err := Student(a.Adjusted, 0.95)
	require.NoError(t, err)
	assert.Equal(t, want, *a.Pairs)

	x, err := c.Images()
	require.NoError(t, err)
	y, err := shifted.Images()
	require.NoError(t, err)
	near(t, x.Scores[0].Value, y.Scores[0].Value)
	near(t, x.Scores[0].SE, y.Scores[0].SE)
	in, not := []float64{}, []float64{}
	for p, s := range c.centred() {
		if c.Member[p][0] {
			in = append(in, s[0])
		} else {
			not = append(not, s[0])
		}
	}
	near(t, (stat.Mean(in, nil)-stat.Mean(not, nil))/2, x.Scores[0].Value)
}

// A variance of tau_i that is hardly above 0 is known badly, which must not blow up the
// interval.
func TestBothHasTheDegreesOfFreedomOfPairsAtLeast(t *testing.T) {
	r := rng.New(9, "degrees of freedom")
	more := 0
	for range 300 {
		got, err := randomCrossed(r, 4, 20, 0.4).Population(0.95)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, got.BothDF, 3.0)
		assert.GreaterOrEqual(t, got.Both.SE, got.Pairs.SE)
		if got.BothDF > 3 {
			more++
		}
	}
	assert.True(t, more > 10 && more < 290, "found %d", more)
}

func TestTwoPairsHaveNoIntervalOverPairs(t *testing.T) {
	c := randomCrossed(rng.New(5, "two"), 2, 12, 0.4)
	got, err := c.Population(0.95)
	require.NoError(t, err)
	assert.Nil(t, got.Pairs)
	assert.Nil(t, got.Both)
	assert.Nil(t, got.Detectable)
	assert.True(t, got.Images.Above(got.Mean-9) && got.Images.Lo < got.Mean && got.Mean < got.Images.Hi)
	b, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Contains(t, string(b), `"pairs":null`)
	x, err := c.Images()
	require.NoError(t, err)
	assert.True(t, math.IsNaN(x.Scores[3].SE) && math.IsNaN(x.Scores[3].T) && math.IsNaN(x.Scores[3].P))
	near(t, (c.sign(0, 3)*(c.centred()[0][3]-c.centred()[1][3]))/2, x.Scores[3].Value)
	b, err = json.Marshal(x.Scores[3])
	require.NoError(t, err)
	assert.Contains(t, string(b), `"se":null,"t":null,"p":null}`)
	b, err = json.Marshal(Prior{math.Inf(1), 2})
	require.NoError(t, err)
	assert.Equal(t, `{"df":null,"variance":2}`, string(b))
	_, err = c.Reliability(1)
	assert.ErrorIs(t, err, ErrTooFewCouples)
	assert.ErrorContains(t, err, "found 1 complete couples, expected at least 2")
}

// A tap that is the same for all images carries no information and breaks nothing.
func TestConstantScoresSayNothing(t *testing.T) {
	c := randomCrossed(rng.New(6, "constant"), 4, 12, 0)
	for p, s := range c.Scores {
		for i := range s {
			s[i] = 0.1 + 0.7*float64(i) + 1/3.*float64(p) // no memorization, and rounding
		}
	}
	m, err := c.Membership(DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, 1.0, m.P)
	assert.Equal(t, 1.0, m.PNormal)
	assert.Zero(t, m.Z)
	for _, s := range c.Scores {
		for i := range s {
			s[i] = 0
		}
	}
	got, err := c.Population(0.95)
	require.NoError(t, err)
	assert.Equal(t, Mean{N: 4, P: 1}, *got.Both)
	assert.Zero(t, *got.Detectable)
	x, err := c.Images()
	require.NoError(t, err)
	assert.Equal(t, ImageScore{P: 1}, x.Scores[0])
	_, err = c.Reliability(1)
	assert.ErrorIs(t, err, ErrNoSpread)
}

func TestTapsShareDrawsOnAnyNumberOfThreads(t *testing.T) {
	r := rng.New(7, "taps")
	c := randomCrossed(r, 5, 70, 0.1)
	second := c.clone()
	for _, s := range second.Scores {
		for i := range s {
			s[i] = 2*s[i] + r.NormFloat64()
		}
	}
	s := DefaultResampling(7, "x")
	want, err := MembershipTaps(c.Member, [][][]float64{c.Scores, second.Scores}, s)
	require.NoError(t, err)
	for tap, one := range []Crossed{c, second} {
		got, err := one.Membership(s)
		require.NoError(t, err)
		assert.Equal(t, want[tap], got)
	}
	s.Parallel = threads
	got, err := MembershipTaps(c.Member, [][][]float64{c.Scores, second.Scores}, s)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	s.Seed++
	got, err = MembershipTaps(c.Member, [][][]float64{c.Scores, second.Scores}, s)
	require.NoError(t, err)
	assert.NotEqual(t, want[0].P, got[0].P)
}

func TestCrossedErrorsNameWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(c *Crossed){
		"crossed pairs: found 0, expected at least":              func(c *Crossed) { c.Scores = nil },
		"member: found 3 pairs, the scores have 4":               func(c *Crossed) { c.Member = c.Member[:3] },
		"scores[2][1]: found NaN, expected a finite number":      func(c *Crossed) { c.Scores[2][1] = math.NaN() },
		"scores[3][0]: found -Inf, expected a finite number":     func(c *Crossed) { c.Scores[3][0] = math.Inf(-1) },
		"scores[1]: found 3 values, expected at least 4":         func(c *Crossed) { c.Scores[1] = c.Scores[1][:3] },
		"pair 1: found 5 scores and 4 members, pair 0 has 4":     func(c *Crossed) { c.Scores[1] = make([]float64, 5) },
		"pair 2: found 4 scores and 3 members, pair 0 has 4":     func(c *Crossed) { c.Member[2] = c.Member[2][:3] },
		"member[2]: found 3 candidates of 4 images, expected":    func(c *Crossed) { c.Member[2] = members("+++-")[0] },
		"member[3][0]: found true as in pair 2, expected the op": func(c *Crossed) { c.Member[3] = members("++--")[0] },
		"scores[0]: found 3 images, expected an even number of":  func(c *Crossed) { c.Scores[0] = c.Scores[0][:3] },
	} {
		c := byHand()
		change(&c)
		assert.ErrorContains(t, c.Validate(), want)
		_, err := c.Population(0.95)
		assert.ErrorContains(t, err, want)
		_, err = c.Images()
		assert.ErrorContains(t, err, want)
		_, err = c.Reliability(1)
		assert.ErrorContains(t, err, want)
		_, err = c.Membership(DefaultResampling(1, ""))
		assert.ErrorContains(t, err, want)
	}
	one := byHand()
	one.Scores, one.Member = one.Scores[:1], one.Member[:1]
	require.NoError(t, one.Validate())
	_, err := one.Population(0.95)
	assert.ErrorContains(t, err, "crossed pairs: found 1, expected at least 2")
	_, err = one.Images()
	assert.ErrorContains(t, err, "crossed pairs: found 1, expected at least 2")
	_, err = one.Reliability(1)
	assert.ErrorIs(t, err, ErrTooFewCouples)
	m, err := one.Membership(DefaultResampling(1, ""))
	require.NoError(t, err, "a single pair can be tested")
	assert.Equal(t, m.MembershipTest, m.Pairs[0])

	same := byHand()
	same.Member = slices.Concat(same.Member[:2], same.Member[:2])
	_, err = same.Population(0.95)
	assert.ErrorContains(t, err, "all couples drew the same halves")

	_, err = byHand().Population(95)
	assert.ErrorContains(t, err, "level: found 95")
	_, err = byHand().Membership(Resampling{Resamples: 9, Level: 0.95})
	assert.ErrorContains(t, err, "resamples: found 9")
	_, err = MembershipTaps(one.Member, nil, DefaultResampling(1, ""))
	assert.ErrorContains(t, err, "taps: found none")
	bad := byHand()
	bad.Scores[1][2] = math.NaN()
	_, err = MembershipTaps(bad.Member, [][][]float64{byHand().Scores, bad.Scores}, DefaultResampling(1, ""))
	assert.ErrorContains(t, err, "tap 1: scores[1][2]: found NaN")
}

// 8 pairs of 8000 images at 31 taps are the size of a real study.
func BenchmarkMembershipTaps(b *testing.B) {
	r := rng.New(8, "benchmark")
	c := randomCrossed(r, 8, 8000, 0)
	taps := make([][][]float64, 31)
	for t := range taps {
		taps[t] = c.Scores
	}
	for b.Loop() {
		_, err := MembershipTaps(c.Member, taps, DefaultResampling(1, ""))
		require.NoError(b, err)
	}
}
