package stats

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/locimem/locimem/internal/rng"
)

// ImageScore is the memorization of one image in crossed pairs.
type ImageScore struct {
	// Value estimates theta + tau_i plus the mean of t_p over these pairs. With an even
	// number of pairs the values average to Population.Mean.
	Value float64 `json:"value"`
	// SE is the square root of the moderated variance of Value, T is Value/SE, and P the two-sided p value of
	// a true value of 0 by Student's t. All are NaN, and null in JSON, with two pairs. T
	// is infinite, and null in JSON, where SE is 0.
	SE float64 `json:"se"`
	T  float64 `json:"t"`
	P  float64 `json:"p"`
}

// MarshalJSON writes null for numbers that are not finite.
func (s ImageScore) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Value float64  `json:"value"`
		SE    *float64 `json:"se"`
		T     *float64 `json:"t"`
		P     *float64 `json:"p"`
	}{s.Value, finite(s.SE), finite(s.T), finite(s.P)})
}

// finite returns nil, which JSON writes as null, unless v is finite.
func finite(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}

// ImageScores holds the scores of all images and how their variances were
// moderated.
type ImageScores struct {
	Scores []ImageScore `json:"scores"` // [image]
	// DF is the residual degrees of freedom of each image alone, the number of pairs
	// minus 2. T has DF + Prior.DF degrees of freedom.
	DF    float64 `json:"df"`
	Prior Prior   `json:"prior"`
}

// Prior is the distribution that the residual variances of the images come from:
// Variance times DF over a chi-square of DF degrees of freedom. DF is +Inf (null in
// JSON) where the images do not differ in variance by more than chance, and 0 where
// nothing can be said.
type Prior struct {
	DF       float64 `json:"df"`
	Variance float64 `json:"variance"`
}

// MarshalJSON writes null for infinite degrees of freedom.
func (p Prior) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		DF       *float64 `json:"df"`
		Variance float64  `json:"variance"`
	}{finite(p.DF), p.Variance})
}

// Images estimates the memorization of every image: the least squares slope of its
// scores, minus the mean of their pair, on m over the pairs. That is half of the
// mean over the pairs in which it is a candidate minus half of the mean over the
// others, so it is free of a_i. It needs two pairs.
//
// Few pairs leave each image few degrees of freedom for its residual variance. The
// variances are therefore drawn towards a common one by empirical Bayes (Smyth,
// Statistical Applications in Genetics and Molecular Biology 3:3, 2004, as in limma),
// which adds Prior.DF degrees of freedom to each. With 4 pairs and only some hundred
// images the prior is poorly known, and SE errs to the large side.
func (c Crossed) Images() (ImageScores, error) {
	if err := c.validate(2); err != nil {
		return ImageScores{}, err
	}
	f := c.fit(c.centred())
	out := ImageScores{Scores: make([]ImageScore, len(f.value)), DF: f.df}
	if f.df > 0 {
		out.Prior = newPrior(f.variance, f.df)
	}
	for i, v := range f.value {
		s := ImageScore{Value: v, SE: math.NaN(), T: math.NaN(), P: math.NaN()}
		if f.df > 0 {
			s.SE = math.Sqrt(out.Prior.moderate(f.variance[i], f.df) * f.scale[i])
			if s.T = 0; v != 0 {
				s.T = v / s.SE
			}
			s.P = studentTail(v, s.SE, f.df+out.Prior.DF)
		}
		out.Scores[i] = s
	}
	return out, nil
}

// studentTail returns the two-sided p value of an estimate of 0, also for
// infinite degrees of freedom.
func studentTail(estimate, se, df float64) float64 {
	if math.IsInf(df, 1) {
		df = 1e10 // the normal distribution, to 10 digits
	}
	return tail(distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}, estimate, se)
}

// imageFit is the least squares fit of every image over the pairs.
type imageFit struct {
	value    []float64 // slope on m
	variance []float64 // residual variance; NaN without degrees of freedom
	scale    []float64 // variance of value over residual variance
	df       float64   // residual degrees of freedom
}

// fit needs two pairs, so that every image has been candidate and independent.
func (c Crossed) fit(centred [][]float64) imageFit {
	n := len(centred[0])
	out := imageFit{make([]float64, n), make([]float64, n), make([]float64, n), float64(len(centred) - 2)}
	var in, not []float64
	for i := range n {
		in, not = in[:0], not[:0]
		for p, s := range centred {
			if c.Member[p][i] {
				in = append(in, s[i])
			} else {
				not = append(not, s[i])
			}
		}
		mi, mn := stat.Mean(in, nil), stat.Mean(not, nil)
		squares := 0.0
		for _, v := range in {
			squares += (v - mi) * (v - mi)
		}
		for _, v := range not {
			squares += (v - mn) * (v - mn)
		}
		out.value[i] = (mi - mn) / 2
		out.variance[i] = squares / out.df
		out.scale[i] = (1/float64(len(in)) + 1/float64(len(not))) / 4
	}
	return out
}

// newPrior fits the prior of variances with df degrees of freedom each, by the
// moments of their logarithms (Smyth 2004, section 6.2). Variances near 0 count as
// 1e-5 of the median there, as in limma.
func newPrior(variances []float64, df float64) Prior {
	sorted := slices.Sorted(slices.Values(variances))
	least := 1e-5 * stat.Quantile(0.5, stat.Empirical, sorted, nil)
	if least == 0 {
		return Prior{}
	}
	logs := make([]float64, len(variances))
	for i, v := range variances {
		logs[i] = math.Log(max(v, least)) - mathext.Digamma(df/2) + math.Log(df/2)
	}
	mean, spread := stat.MeanVariance(logs, nil)
	spread -= trigamma(df / 2)
	if spread <= 0 {
		return Prior{DF: math.Inf(1), Variance: stat.Mean(variances, nil)}
	}
	half := trigammaInverse(spread)
	return Prior{DF: 2 * half, Variance: math.Exp(mean + mathext.Digamma(half) - math.Log(half))}
}

// moderate returns the posterior of a variance with df degrees of freedom.
func (p Prior) moderate(variance, df float64) float64 {
	if math.IsInf(p.DF, 1) {
		return p.Variance
	}
	return (p.DF*p.Variance + df*variance) / (p.DF + df)
}

// trigamma is the derivative of the digamma function.
func trigamma(x float64) float64 { return mathext.Zeta(2, x) }

// trigammaInverse returns the y > 0 with trigamma(y) = x > 0, by Newton's method on
// 1/trigamma, which is convex and nearly linear (Smyth 2004, appendix).
func trigammaInverse(x float64) float64 {
	switch {
	case x > 1e7: // the limits of small and of large y
		return 1 / math.Sqrt(x)
	case x < 1e-6:
		return 1 / x
	}
	y := 0.5 + 1/x
	for range 50 {
		tri := trigamma(y)
		step := tri * (1 - tri/x) / (-2 * mathext.Zeta(3, y))
		if y += step; math.Abs(step) < 1e-10*y {
			break
		}
	}
	return y
}

// ErrTooFewCouples is the error of a question that needs two complete couples.
var ErrTooFewCouples = errors.New("too few complete couples of pairs")

// Reliability says how well the ranking of images by memorization repeats with
// other encoders.
type Reliability struct {
	// Half is Spearman's rank correlation of the images between halves of the couples,
	// averaged over Divisions.
	Half float64 `json:"half"`
	// Full is Half stepped up to all couples: the correlation that the values of all
	// these pairs would have with those of the same number of other pairs, by Spearman
	// and Brown (1910). It is about the squared correlation with the true values. It is
	// 0 where Half is not above 0.
	Full      float64 `json:"full"`
	Couples   int     `json:"couples"` // complete ones
	Divisions int     `json:"divisions"`
}

// maxDivisions bounds the divisions that Reliability averages.
const maxDivisions = 200

// Reliability compares the images' values between two halves of the complete
// couples, over all ways to divide them; with an odd number of couples each is left
// out in turn. Of more than 200 divisions, it draws 200 with the seed. Whole couples
// stay together because only they are free of a_i. It returns ErrTooFewCouples below
// two complete couples, and ErrNoSpread if all images have equal values.
func (c Crossed) Reliability(seed uint64) (Reliability, error) {
	if err := c.validate(1); err != nil {
		return Reliability{}, err
	}
	out := Reliability{Couples: len(c.Scores) / 2}
	if out.Couples < 2 {
		return Reliability{}, fmt.Errorf("reliability: found %d complete couples, expected at least 2: %w",
			out.Couples, ErrTooFewCouples)
	}
	centred := c.centred()
	values := make([][]float64, out.Couples) // [couple][image], the sum of its two pairs
	for k := range values {
		values[k] = make([]float64, len(centred[0]))
		for i := range values[k] {
			values[k][i] = c.sign(2*k, i) * (centred[2*k][i] - centred[2*k+1][i])
		}
	}
	sum := func(couples []int) []float64 {
		s := make([]float64, len(centred[0]))
		for _, k := range couples {
			floats.Add(s, values[k])
		}
		return s
	}
	half := out.Couples / 2
	all := divisions(out.Couples, seed)
	out.Divisions = len(all)
	for _, d := range all {
		r, err := Spearman(sum(d[:half]), sum(d[half:]))
		if err != nil {
			return Reliability{}, err
		}
		out.Half += r.Value / float64(len(all))
	}
	if longer := float64(out.Couples) / float64(half); out.Half > 0 {
		out.Full = longer * out.Half / (1 + (longer-1)*out.Half)
	}
	return out, nil
}

// divisions returns the divisions of n couples into halves, [division][couple]: the
// first n/2 couples are one half and the next n/2 the other.
func divisions(n int, seed uint64) [][]int {
	half := n / 2
	count := combin.GeneralizedBinomial(float64(n), float64(half)) / 2
	if n%2 == 1 { // n-half ways to leave one out of the rest
		count *= float64(n - half)
	}
	var out [][]int
	if math.Round(count) > maxDivisions {
		r := rng.New(seed, "divisions")
		for range maxDivisions {
			out = append(out, r.Perm(n)[:2*half])
		}
		return out
	}
	for mask := range 1 << n {
		var in, rest []int
		for k := range n {
			if mask>>k&1 == 1 {
				in = append(in, k)
			} else {
				rest = append(rest, k)
			}
		}
		if len(in) != half {
			continue
		}
		for drop := range 1 + n%2*half { // index in rest of the couple left out
			other := rest
			if n%2 == 1 {
				other = slices.Delete(slices.Clone(rest), drop, drop+1)
			}
			if in[0] < other[0] { // the halves have no order: take each division once
				out = append(out, slices.Concat(in, other))
			}
		}
	}
	return out
}
