package memorize

import (
	"math"
	"slices"
)

// This file is the paper in its own words: its formulas in float64, one value
// after another. The tests hold the package against it.

// act is what a layer puts out for one view: [position][unit].
type act [][]float64

func (a act) flat() []float64 { return slices.Concat(a...) }

// literalD is the distance d of Eq. 1.
func literalD(d Distance, a, b []float64) float64 {
	var sum, dot, normA, normB float64
	for i := range a {
		switch d {
		case L1:
			sum += math.Abs(a[i] - b[i])
		case L2:
			sum += math.Pow(a[i]-b[i], 2)
		}
		dot += a[i] * b[i]
		normA += a[i] * a[i]
		normB += b[i] * b[i]
	}
	if d == UnitL2 {
		for i := range a {
			sum += math.Pow(a[i]/math.Sqrt(normA)-b[i]/math.Sqrt(normB), 2)
		}
	}
	cos := dot / (math.Sqrt(normA) * math.Sqrt(normB))
	switch d {
	case L1:
		return sum
	case L2, UnitL2:
		return math.Sqrt(sum)
	case Cosine:
		return 1 - cos
	default:
		return math.Acos(cos) / math.Pi
	}
}

// literalSSL is SSL_f(x) = E_{x', x” ~ Aug(x)} d(f(x'), f(x”)); in mode
// original x' is x itself, which is the first view.
func literalSSL(d Distance, m Mode, views []act) float64 {
	sum, n := 0.0, 0
	for i := range views {
		for j := range views {
			if i < j && (m == Pair || i == 0) {
				sum += literalD(d, views[i].flat(), views[j].flat())
				n++
			}
		}
	}
	return sum / float64(n)
}

// literalPoints gives the score of each point, f[x] and g[x] being the views of
// point x.
func literalPoints(e Estimator, d Distance, m Mode, f, g [][]act) []float64 {
	var raw, sum []float64
	for x := range f {
		sslF, sslG := literalSSL(d, m, f[x]), literalSSL(d, m, g[x])
		raw = append(raw, sslG-sslF) // Eq. 1
		sum = append(sum, sslF+sslG)
	}
	var out []float64
	for x := range raw {
		switch e {
		case Paper:
			out = append(out, raw[x]/sum[x]) // Eq. 2
		case Raw:
			out = append(out, raw[x])
		case Range:
			out = append(out, raw[x]/(slices.Max(raw)-slices.Min(raw)))
		}
	}
	return out
}

// literalMean is Eq. 3 over the scores of Eq. 2.
func literalMean(scores []float64) float64 {
	sum := 0.0
	for _, s := range scores {
		sum += s
	}
	return sum / float64(len(scores))
}

// literalMu is mu_u(x), Eq. 5: the mean over augmentations of the unit's
// activation, itself the mean over the map.
func literalMu(u int, absolute bool, views []act) float64 {
	sum := 0.0
	for _, view := range views {
		inside := 0.0
		for _, position := range view {
			a := position[u]
			if absolute {
				a = math.Abs(a)
			}
			inside += a
		}
		sum += inside / float64(len(view))
	}
	return sum / float64(len(views))
}

// literalUnitMem is Eq. 6 to 8, with the point k that mu_max belongs to.
func literalUnitMem(u int, rest Rest, absolute bool, points [][]act) (value, muMax, muRest float64, k int) {
	var mu []float64
	for _, views := range points {
		mu = append(mu, literalMu(u, absolute, views))
	}
	for i := range mu {
		if mu[i] > mu[k] {
			k = i
		}
	}
	muMax = mu[k]
	var others []float64
	for i := range mu {
		if i != k {
			others = append(others, mu[i])
		}
	}
	if rest == Mean {
		muRest = literalMean(others)
	} else {
		slices.Sort(others)
		n := len(others)
		if n%2 == 1 {
			muRest = others[n/2]
		} else {
			muRest = (others[n/2-1] + others[n/2]) / 2
		}
	}
	return (muMax - muRest) / (muMax + muRest), muMax, muRest, k
}
