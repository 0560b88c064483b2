package ssl

import "math"

// The papers' formulas, word for word in float64, of projections z1 and z2.

// byolEquation2 is Equation 2 of Grill et al. (2020), before symmetrising.
func byolEquation2(q, z [][]float64) float64 {
	sum := 0.0
	for i := range q {
		sum += 2 - 2*cosine(q[i], z[i])
	}
	return sum / float64(len(q))
}

// simsiamEquation1 is D of Chen and He (2021), averaged over the batch.
func simsiamEquation1(p, z [][]float64) float64 {
	sum := 0.0
	for i := range p {
		sum -= cosine(p[i], z[i])
	}
	return sum / float64(len(p))
}

// mocoEquation1 is Equation 1 of He et al. (2020) for rows q with keys k and the
// queue; the positive key is one of the K+1 in the denominator.
func mocoEquation1(q, k, queue [][]float64, t float64) float64 {
	sum := 0.0
	for i := range q {
		positive := math.Exp(cosine(q[i], k[i]) / t)
		all := positive
		for _, other := range queue {
			all += math.Exp(cosine(q[i], other) / t)
		}
		sum -= math.Log(positive / all)
	}
	return sum / float64(len(q))
}

// moco3Ctr is ctr of Algorithm 1 of Chen, Xie and He (2021).
func moco3Ctr(q, k [][]float64, t float64) float64 {
	sum := 0.0
	for i := range q {
		all := 0.0
		for j := range k {
			all += math.Exp(cosine(q[i], k[j]) / t)
		}
		sum -= math.Log(math.Exp(cosine(q[i], k[i])/t) / all)
	}
	return 2 * t * sum / float64(len(q))
}

// barlowEquation1 is Equations 1 and 2 of Zbontar et al. (2021) of projections
// normalised over the batch as in its Algorithm 1.
func barlowEquation1(z1, z2 [][]float64, lambda float64) float64 {
	n, d := len(z1), len(z1[0])
	normal := func(z [][]float64, i, j int) float64 {
		mean, square := columnMoments(z, j)
		return (z[i][j] - mean) / math.Sqrt(square+barlowEps)
	}
	loss := 0.0
	for i := range d {
		for j := range d {
			c := 0.0
			for b := range n {
				c += normal(z1, b, i) * normal(z2, b, j) / float64(n)
			}
			if i == j {
				loss += (1 - c) * (1 - c)
			} else {
				loss += lambda * c * c
			}
		}
	}
	return loss
}

// vicregTerms are s, v and c of Equations 1 to 5 of Bardes et al. (2022).
func vicregTerms(z1, z2 [][]float64) (s, v1, v2, c1, c2 float64) {
	n, d := float64(len(z1)), len(z1[0])
	for i := range z1 {
		for j := range z1[i] {
			s += (z1[i][j] - z2[i][j]) * (z1[i][j] - z2[i][j]) / n
		}
	}
	of := func(z [][]float64) (v, c float64) {
		for j := range d {
			mean, square := columnMoments(z, j)
			v += max(0, 1-math.Sqrt(square*n/(n-1)+1e-4)) / float64(d)
			for k := range d {
				if k == j {
					continue
				}
				other, _ := columnMoments(z, k)
				cov := 0.0
				for i := range z {
					cov += (z[i][j] - mean) * (z[i][k] - other) / (n - 1)
				}
				c += cov * cov / float64(d)
			}
		}
		return v, c
	}
	v1, c1 = of(z1)
	v2, c2 = of(z2)
	return s, v1, v2, c1, c2
}

// columnMoments returns the mean and the biased variance of a column.
func columnMoments(z [][]float64, j int) (mean, variance float64) {
	for i := range z {
		mean += z[i][j] / float64(len(z))
	}
	for i := range z {
		variance += (z[i][j] - mean) * (z[i][j] - mean) / float64(len(z))
	}
	return mean, variance
}

// dinoH is H of Algorithm 1 of Caron et al. (2021) of outputs of the heads.
func dinoH(t, s [][]float64, centre []float64, teacherT, studentT float64) float64 {
	softmax := func(z []float64, centre []float64, temperature float64) []float64 {
		p, sum := make([]float64, len(z)), 0.0
		for k := range z {
			c := 0.0
			if centre != nil {
				c = centre[k]
			}
			p[k] = math.Exp((z[k] - c) / temperature)
			sum += p[k]
		}
		for k := range p {
			p[k] /= sum
		}
		return p
	}
	loss := 0.0
	for i := range t {
		pt, ps := softmax(t[i], centre, teacherT), softmax(s[i], nil, studentT)
		for k := range pt {
			loss -= pt[k] * math.Log(ps[k])
		}
	}
	return loss / float64(len(t))
}

func cosine(a, b []float64) float64 {
	dot, na, nb := 0.0, 0.0, 0.0
	for i := range a {
		dot, na, nb = dot+a[i]*b[i], na+a[i]*a[i], nb+b[i]*b[i]
	}
	return dot / math.Sqrt(na*nb)
}
