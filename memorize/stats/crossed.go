package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Crossed holds one score of the same images in several pairs of encoders (f, g).
// Every pair splits the images again, half and half: f was trained on the
// candidates, g on the independents. Pairs come in couples: 0 and 1, 2 and 3, and
// so on. The first pair of a couple draws a random half of the images as its
// candidates; the second pair takes the other half. Couples are drawn
// independently. The last couple may lack its second pair.
//
// The model of image i in pair p, with m = +1 for a candidate and -1 for an
// independent, is
//
//	score[p][i] = b_p + a_i + m[p][i] (theta + t_p + tau_i) + noise[p][i]
//
// The bias b_p belongs to the pair and a_i to the image, which may be odd whoever
// was trained on it. Memorization is theta on average, theta + t_p in pair p and
// theta + tau_i in image i. The design removes b_p and a_i; it assumes nothing
// about them.
type Crossed struct {
	Scores [][]float64 // [pair][image]
	Member [][]bool    // [pair][image], true for a candidate
}

// Validate returns what is wrong with the scores and the design, or nil. Errors
// count pairs and images from 0.
func (c Crossed) Validate() error { return c.validate(1) }

// validate is Validate for what needs at least pairs.
func (c Crossed) validate(pairs int) error {
	if len(c.Scores) < pairs {
		return fmt.Errorf("crossed pairs: found %d, expected at least %d", len(c.Scores), pairs)
	}
	if len(c.Member) != len(c.Scores) {
		return fmt.Errorf("member: found %d pairs, the scores have %d", len(c.Member), len(c.Scores))
	}
	n := len(c.Scores[0])
	if n < 4 || n%2 != 0 {
		return fmt.Errorf("scores[0]: found %d images, expected an even number of at least 4", n)
	}
	for p, s := range c.Scores {
		if err := check(fmt.Sprintf("scores[%d]", p), s, n); err != nil {
			return err
		}
		m := c.Member[p]
		if len(s) != n || len(m) != n {
			return fmt.Errorf("pair %d: found %d scores and %d members, pair 0 has %d images", p, len(s), len(m), n)
		}
		candidates := 0
		for i, in := range m {
			if in {
				candidates++
			}
			if p%2 == 1 && in == c.Member[p-1][i] {
				return fmt.Errorf("member[%d][%d]: found %v as in pair %d, expected the opposite: "+
					"the pairs of a couple exchange candidates and independents", p, i, in, p-1)
			}
		}
		if candidates != n/2 {
			return fmt.Errorf("member[%d]: found %d candidates of %d images, expected half of them", p, candidates, n)
		}
	}
	return nil
}

// sign is m[p][i] of the model.
func (c Crossed) sign(p, i int) float64 {
	if c.Member[p][i] {
		return 1
	}
	return -1
}

// centred returns the scores minus the mean of their pair, which removes b_p.
func (c Crossed) centred() [][]float64 {
	out := make([][]float64, len(c.Scores))
	for p, s := range c.Scores {
		out[p] = slices.Clone(s)
		floats.AddConst(-stat.Mean(s, nil), out[p])
	}
	return out
}

// signedMean returns the mean of m[p][i] x[i]: of scores, half of the mean of
// the candidates minus half of the mean of the independents.
func (c Crossed) signedMean(p int, x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += c.sign(p, i) * v
	}
	return sum / float64(len(x))
}

// PairMeans returns the controlled score of each pair: half of the mean of the
// candidates minus half of the mean of the independents. It needs one pair.
func (c Crossed) PairMeans() ([]float64, error) {
	if err := c.validate(1); err != nil {
		return nil, err
	}
	return c.pairMeans(c.centred()), nil
}

func (c Crossed) pairMeans(centred [][]float64) []float64 {
	out := make([]float64, len(centred))
	for p, s := range centred {
		out[p] = c.signedMean(p, s)
	}
	return out
}

// Population is the mean memorization of crossed pairs, with intervals that answer
// different questions.
type Population struct {
	// PairMeans are the controlled scores (Crossed.PairMeans).
	PairMeans []float64 `json:"pair_means"`
	// Adjusted are the controlled scores of the pairs without the effects of the images:
	// estimates of theta + t_p. Use these where a statement takes one number per pair.
	// They are nil with two pairs, which only tell the mean of both.
	Adjusted []float64 `json:"adjusted"`
	// Mean is the mean of Adjusted, the estimate of theta. With an even number of pairs
	// it is the mean of PairMeans, too.
	Mean float64 `json:"mean"`
	// Pairs is the interval for other pairs of encoders and these images: Student over
	// Adjusted. It is nil with two pairs.
	Pairs *Mean `json:"pairs"`
	// Images is the normal interval for other images and just these encoders.
	Images Interval `json:"images"`
	// Both is the interval for other pairs and other images, by Student's t on BothDF
	// degrees of freedom. Verdicts use this one. It is nil with two pairs.
	Both   *Mean   `json:"both"`
	BothDF float64 `json:"both_df"`
	// Detectable is the size of theta at which Both excludes 0 with probability 0.8.
	// It is nil with two pairs.
	Detectable *float64 `json:"detectable"`
	Level      float64  `json:"level"`
}

// detectablePower is the power at Population.Detectable and CorrelationInterval.Detectable.
const detectablePower = 0.8

// Population estimates the mean memorization theta. It needs two pairs.
//
// An odd image (a_i) raises the controlled score of one pair of a couple and
// lowers that of the other by the same amount. Their mean is free of it, but their
// spread is not, so Student over PairMeans would be too wide. Adjusted are the
// least squares estimates of u_p = theta + t_p in the model with a_i and without
// tau_i. Let s' be the scores minus the mean of their pair, a the mean of s' over
// the P pairs, K[p][q] the mean over images of m[p][i] m[q][i], and A = I - K/P. Then
//
//	A u = adj, where adj_p = mean over i of m[p][i] (s'[p][i] - a_i)
//
// A is singular with two pairs, and in the unlikely case that all couples drew the
// same halves, which is an error. Errors of u_p have the variance of t_p, and that of
// the averaged noise times the inverse of A. With an even number of pairs that inverse
// leaves the error of the mean as it is but widens the spread. So Pairs is exact where
// t_p dominates and too wide where noise does: by up to 29 % with 4 pairs, 14 % with 6
// and 9 % with 8.
//
// The variance of Both is that of Pairs plus that of tau_i over the number of
// images. The variance of tau_i is that of the images' values (see Images) minus the
// part that their residuals explain, at least 0 (method of moments). The degrees of
// freedom are Satterthwaite's (1946), but never fewer than those of Pairs. At 95 %, Both
// may cover as little as 93 % with 3 or 4 pairs where noise is negligible.
func (c Crossed) Population(level float64) (Population, error) {
	if err := checkLevel(level); err != nil {
		return Population{}, err
	}
	if err := c.validate(2); err != nil {
		return Population{}, err
	}
	pairs, n := len(c.Scores), float64(len(c.Scores[0]))
	centred := c.centred()
	out := Population{PairMeans: c.pairMeans(centred), Level: level}
	a := c.adjust(centred)
	if pairs > 2 && !a.ok {
		return Population{}, fmt.Errorf("crossed pairs: all couples drew the same halves, expected independent draws")
	}
	half := distuv.UnitNormal.Quantile((1+level)/2) * stat.StdDev(a.parts, nil) / math.Sqrt(n)
	if pairs == 2 {
		out.Mean = stat.Mean(out.PairMeans, nil)
		out.Images = Interval{out.Mean - half, out.Mean + half}
		return out, nil
	}
	m, err := Student(a.pairs, level)
	if err != nil {
		return Population{}, err
	}
	out.Adjusted, out.Mean, out.Pairs = a.pairs, m.Mean, &m
	out.Images = Interval{out.Mean - half, out.Mean + half}

	f := c.fit(centred)
	spread := stat.Variance(f.value, nil)
	noise := stat.Mean(f.variance, nil) * stat.Mean(f.scale, nil)
	df, variance, images := float64(pairs-1), m.SE*m.SE, max(0, spread-noise)/n
	out.BothDF = df
	if both := variance + images; images > 0 {
		// Half of the sampling variance of images, as variance^2/df is of variance.
		uncertain := (spread*spread/(n-1) + noise*noise/(n*f.df)) / (n * n)
		out.BothDF = max(df, both*both/(variance*variance/df+uncertain))
	}
	out.Both = newMean(m.Mean, math.Sqrt(variance+images), out.BothDF, level, pairs)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: out.BothDF}
	detectable := out.Both.SE * (t.Quantile((1+level)/2) + t.Quantile(detectablePower))
	out.Detectable = &detectable
	return out, nil
}

// adjustment is the least squares solution in Population.
type adjustment struct {
	pairs []float64 // [pair], u
	parts []float64 // [image], what each contributes: their mean is the mean of pairs
	ok    bool      // otherwise A is singular: pairs is nil, parts weigh pairs alike
}

func (c Crossed) adjust(centred [][]float64) adjustment {
	pairs, n := len(centred), len(centred[0])
	image := make([]float64, n)
	for _, s := range centred {
		floats.AddScaled(image, 1/float64(pairs), s)
	}
	free := make([][]float64, pairs) // of the images' own effects
	right := mat.NewVecDense(pairs, nil)
	a := mat.NewSymDense(pairs, nil)
	ones := mat.NewVecDense(pairs, nil)
	for p, s := range centred {
		free[p] = floats.SubTo(make([]float64, n), s, image)
		right.SetVec(p, c.signedMean(p, free[p]))
		ones.SetVec(p, 1)
		for q := range p + 1 {
			k := 0.0
			for i := range n {
				k += c.sign(p, i) * c.sign(q, i)
			}
			a.SetSym(p, q, -k/float64(n*pairs))
		}
		a.SetSym(p, p, 1+a.At(p, p))
	}
	out := adjustment{parts: make([]float64, n)}
	weights := ones
	var root mat.Cholesky
	if root.Factorize(a) && root.Cond() < 1e8 {
		var u, w mat.VecDense
		// The matrix is well conditioned, so neither fails.
		out.ok = root.SolveVecTo(&u, right) == nil && root.SolveVecTo(&w, ones) == nil
		out.pairs, weights = u.RawVector().Data, &w
	}
	for p, s := range free {
		for i, v := range s {
			out.parts[i] += weights.AtVec(p) / float64(pairs) * c.sign(p, i) * v
		}
	}
	return out
}
