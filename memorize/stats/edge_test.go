package stats

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// The published example of the paired sign-flip test, Darwin's maize (Fisher, The
// Design of Experiments, 1935, section 21): 863 of 32,768 sums of the 15
// differences are as large as the one found, one-sided.
func TestSignFlipIsFishers(t *testing.T) {
	maize := []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}
	got, err := SignFlip(maize, Greater, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, Test{Statistic: 314. / 15, P: 863. / 32768, Exact: true, Arrangements: 32768}, got)
}

// The example of Efron and Tibshirani 1993, Table 2.1: 16 mice, difference of
// means 30.63.
func TestPermutationOfTheMice(t *testing.T) {
	treated := []float64{94, 197, 16, 38, 99, 141, 23}
	control := []float64{52, 104, 146, 10, 51, 30, 40, 27, 46}
	exact, err := Permutation(treated, control, Greater, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.InDelta(t, 30.63, exact.Statistic, 0.01)
	assert.Equal(t, 11440, exact.Arrangements)

	drawn, err := permutationDrawn(treated, control, Greater, Resampling{Resamples: 9999, Level: 0.95, Seed: 1})
	require.NoError(t, err)
	assert.False(t, drawn.Exact)
	assert.InDelta(t, exact.P, drawn.P, 0.015) // three standard deviations
	assert.Equal(t, exact.Statistic, drawn.Statistic)
}

// Zeros are not drawn, which must not show: 3 of 300 points own 5, 2 and 1 units,
// the first two of them among 100 members.
func TestPermutationOfMostlyZeros(t *testing.T) {
	a, b := make([]float64, 100), make([]float64, 200)
	a[3], a[50], b[7] = 5, 2, 1
	got, err := Permutation(a, b, Greater, Resampling{Resamples: 19999, Level: 0.95, Seed: 2})
	require.NoError(t, err)
	assert.False(t, got.Exact)
	// As many units or more by members: 5 and 2, with or without 1: both first in a.
	assert.InDelta(t, 100./300*99/299, got.P, 0.007)
}

// Under no difference p is uniform: also for drawn arrangements.
func TestDrawnTestsKeepTheirLevel(t *testing.T) {
	const trials = 300
	var permutation, flip float64
	for trial := range trials {
		r := rng.New(uint64(trial), "null")
		x := make([]float64, 40)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		s := Resampling{Resamples: 99, Level: 0.9, Seed: uint64(trial), Parallel: threads}
		p, err := Permutation(x[:15], x[15:], TwoSided, s)
		require.NoError(t, err)
		f, err := SignFlip(x, TwoSided, s)
		require.NoError(t, err)
		require.False(t, p.Exact || f.Exact)
		if p.P <= 0.2 {
			permutation += 1. / trials
		}
		if f.P <= 0.2 {
			flip += 1. / trials
		}
	}
	assert.InDelta(t, 0.2, permutation, 0.07)
	assert.InDelta(t, 0.2, flip, 0.07)
}

// Quadratic transcriptions of the definitions, on many small samples with ties.
func TestAgainstTheDefinitions(t *testing.T) {
	r := rng.New(4, "definitions")
	for range 200 {
		n := 3 + r.IntN(12)
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = float64(r.IntN(5)), float64(r.IntN(5))
		}
		if equal(x) || equal(y) {
			continue
		}
		var score, px, py float64
		for i := range n {
			for j := range i {
				dx, dy := x[i]-x[j], y[i]-y[j]
				switch {
				case dx*dy > 0:
					score++
				case dx*dy < 0:
					score--
				}
				if dx != 0 {
					px++
				}
				if dy != 0 {
					py++
				}
			}
		}
		k, err := Kendall(x, y)
		require.NoError(t, err)
		near(t, score/math.Sqrt(px*py), k.Value)
		assert.True(t, k.P >= 0 && k.P <= 1)

		a, err := AUC(x, y, 0.95)
		require.NoError(t, err)
		cliff, err := CliffDelta(x, y)
		require.NoError(t, err)
		wins := 0.0
		for _, v := range x {
			for _, w := range y {
				if v > w {
					wins++
				} else if v == w {
					wins += 0.5
				}
			}
		}
		near(t, wins/float64(n*n), a.AUC)
		near(t, 2*a.AUC-1, cliff)
		swapped, err := AUC(y, x, 0.95)
		require.NoError(t, err)
		near(t, 1-a.AUC, swapped.AUC)
		near(t, a.SE, swapped.SE)
	}
}

func TestEdges(t *testing.T) {
	same := []float64{2, 2, 2}
	m, err := Student(same, 0.95)
	require.NoError(t, err)
	assert.Equal(t, Mean{Mean: 2, Interval: Interval{2, 2}, N: 3}, m)
	assert.True(t, m.Above(1) && !m.Above(2) && m.Below(3) && !m.Below(2))
	m, err = Student([]float64{0, 0}, 0.95)
	require.NoError(t, err)
	assert.Equal(t, 1.0, m.P)
	for _, f := range []func() error{
		func() error { _, err := Welch(same, same, 0.95); return err },
		func() error { _, err := CohenD(same, same); return err },
		func() error { _, err := Kendall(same, []float64{1, 2, 3}); return err },
		func() error { _, err := Spearman([]float64{1, 2, 3}, same); return err },
	} {
		assert.ErrorIs(t, f(), ErrNoSpread)
	}
	p, err := Permutation(same, same, TwoSided, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, 1.0, p.P)
	p, err = Permutation([]float64{1}, []float64{0}, TwoSided, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, Test{1, 1, true, 2}, p)
	p, err = SignFlip([]float64{1, 1, 1}, TwoSided, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, 0.25, p.P, "three pairs cannot say more")
	a, err := AUC([]float64{3, 4}, []float64{1, 2}, 0.95)
	require.NoError(t, err)
	assert.Equal(t, Area{AUC: 1, Interval: Interval{1, 1}, Positives: 2, Negatives: 2}, a)
	c, err := Spearman([]float64{1, 2, 3}, []float64{3, 2, 1})
	require.NoError(t, err)
	assert.Equal(t, -1.0, c.Value)
	k, err := Kendall([]float64{1, 2}, []float64{3, 4})
	require.NoError(t, err)
	assert.Equal(t, Correlation{1, 1, true, 2}, k)
	assert.Equal(t, []float64{2.5, 1, 2.5, 4}, Ranks([]float64{5, 3, 5, 9}))
	assert.Equal(t, []int{3, 0, 2}, Top([]float64{5, 3, 5, 9}, 3))
	assert.Equal(t, []int{1, 0, 2, 3}, Least([]float64{5, 3, 5, 9}, 9))
	for _, f := range []func([]float64) ([]float64, error){Holm, BH} {
		out, err := f(nil)
		require.NoError(t, err)
		assert.Empty(t, out)
	}
	// The widest interval of no successes, by the rule of three.
	s, err := Binomial(0, 100, 0, 0.9)
	require.NoError(t, err)
	assert.InDelta(t, 1-math.Pow(0.05, 0.01), s.Hi, 1e-12)
	assert.Equal(t, 1.0, s.P)
	b, err := json.Marshal(Estimate{Mean: 1, Covers: "x"})
	require.NoError(t, err)
	assert.Equal(t,
		`{"mean":1,"pairs":null,"points":{"lo":0,"hi":0},"both":{"lo":0,"hi":0},"covers":"x","pair_means":null,"n":0,`+
			`"level":0}`, string(b))
}

func TestBadValuesAreNamed(t *testing.T) {
	nan, ok := []float64{1, 2, math.NaN()}, []float64{1, 2, 3}
	r := DefaultResampling(1, "")
	for name, f := range map[string]func(a, b []float64) error{
		"Permutation": func(a, b []float64) error { _, err := Permutation(a, b, TwoSided, r); return err },
		"Welch":       func(a, b []float64) error { _, err := Welch(a, b, 0.95); return err },
		"AUC":         func(a, b []float64) error { _, err := AUC(a, b, 0.95); return err },
		"TPRAt":       func(a, b []float64) error { _, err := TPRAt(a, b, 0.1); return err },
		"CohenD":      func(a, b []float64) error { _, err := CohenD(a, b); return err },
		"CliffDelta":  func(a, b []float64) error { _, err := CliffDelta(a, b); return err },
		"Kendall":     func(a, b []float64) error { _, err := Kendall(a, b); return err },
		"Spearman":    func(a, b []float64) error { _, err := Spearman(a, b); return err },
		"TopOverlap":  func(a, b []float64) error { _, err := TopOverlap(a, b, 2); return err },
		"Student":     func(a, b []float64) error { _, err := Student(append(b, a...), 0.95); return err },
		"SignFlip":    func(a, b []float64) error { _, err := SignFlip(append(b, a...), TwoSided, r); return err },
	} {
		assert.ErrorContains(t, f(nan, ok), "found NaN, expected a finite number", name)
		assert.ErrorContains(t, f(ok, nan), "found NaN, expected a finite number", name)
		assert.ErrorContains(t, f(ok, []float64{math.Inf(-1), 2, 3}), "[0]: found -Inf", name)
		assert.Error(t, f(nil, nil), name)
	}
	_, err := Kendall(ok, ok[:2])
	assert.ErrorContains(t, err, "found 3 and 2 values")
	_, err = TopOverlap(ok, ok, 4)
	assert.ErrorContains(t, err, "k: found 4, expected 1 to 3")
	_, err = TPRAt(ok, ok, 1.5)
	assert.ErrorContains(t, err, "fpr: found 1.5")
	_, err = Binomial(5, 4, 0.5, 0.95)
	assert.ErrorContains(t, err, "found 5 of 4")
	_, err = Binomial(1, 4, 2, 0.95)
	assert.ErrorContains(t, err, "p: found 2")
	_, err = Holm([]float64{0.1, math.NaN()})
	assert.ErrorContains(t, err, "p[1]: found NaN")
	_, err = BH([]float64{1.1})
	assert.ErrorContains(t, err, "p[0]: found 1.1")
	_, err = Student([]float64{1}, 0.95)
	assert.ErrorContains(t, err, "found 1 values, expected at least 2")
	_, err = Student(ok, 1)
	assert.ErrorContains(t, err, "level: found 1")
}

// Of one test Fisher is its p value; of two with product q it is q (1 - log q).
// The numbers are those of Python's math and statistics.NormalDist.
func TestFisherInterval(t *testing.T) {
	got := FisherInterval(.5, 28, .95)
	assert.InDelta(t, .15602836252908606, got.Lo, 1e-12)
	assert.InDelta(t, .7358184794439374, got.Hi, 1e-12)
	assert.InDelta(t, .5082126283577936, got.Detectable, 1e-12)
}

func TestFisher(t *testing.T) {
	assert.Equal(t, 1.0, Fisher(nil))
	assert.InDelta(t, 0.03, Fisher([]float64{0.03}), 1e-12)
	assert.InDelta(t, 1, Fisher([]float64{1, 1}), 1e-12)
	q := 0.2 * 0.01
	assert.InDelta(t, q*(1-math.Log(q)), Fisher([]float64{0.2, 0.01}), 1e-12)
}
