// Package privacy counts what differentially private training costs: epsilon and
// delta after a number of steps of the subsampled Gaussian mechanism, which is
// what DP-SGD does in each (Abadi et al. 2016, arXiv 1607.00133). It is plain
// arithmetic on numbers of steps and knows nothing of networks.
package privacy

import (
	"fmt"
	"math"
)

// Plan is a number of steps of the subsampled Gaussian mechanism: each takes
// every image with probability Rate, on its own, adds up their clipped gradients
// and adds Gaussian noise whose standard deviation is Noise times the clipping
// norm.
type Plan struct {
	Rate  float64 // q, more than 0 and at most 1
	Noise float64 // sigma, the noise multiplier, more than 0
	Steps int     // 0 or more
}

// Validate names the field that is out of range.
func (p Plan) Validate() error {
	switch {
	case !(p.Rate > 0 && p.Rate <= 1):
		return fmt.Errorf("rate: found %v, expected more than 0 and at most 1", p.Rate)
	case !(p.Noise > 0) || math.IsInf(p.Noise, 0):
		return fmt.Errorf("noise: found %v, expected a number above 0", p.Noise)
	case p.Steps < 0:
		return fmt.Errorf("steps: found %d, expected 0 or more", p.Steps)
	}
	return nil
}

// orders are the Renyi orders that epsilon is the least of: fractional ones where
// the best order of strong noise lies, and whole ones up to 512.
func orders() []float64 {
	var all []float64
	for i := 1; i < 100; i++ {
		all = append(all, 1+float64(i)/10)
	}
	for a := 11; a < 64; a++ {
		all = append(all, float64(a))
	}
	return append(all, 72, 80, 96, 128, 192, 256, 384, 512)
}

// RDP returns the Renyi differential privacy of the plan at an order above 1, a
// bound on the Renyi divergence between the outputs for two sets of images of
// which one has an image more: steps * log(A)/(order-1), A being that of Mironov,
// Talwar and Zhang 2019 (arXiv 1908.10530), Section 3.3. Divergences of steps add
// up. It panics if a number is out of range.
func RDP(p Plan, order float64) float64 {
	if err := p.Validate(); err != nil {
		panic("privacy: " + err.Error())
	}
	if !(order > 1) {
		panic(fmt.Sprintf("privacy: order %v, expected more than 1", order))
	}
	switch {
	case p.Steps == 0:
		return 0
	case p.Rate == 1: // the Gaussian mechanism without subsampling
		return float64(p.Steps) * order / (2 * p.Noise * p.Noise)
	case order == math.Trunc(order):
		return float64(p.Steps) * logWhole(p.Rate, p.Noise, int(order)) / (order - 1)
	}
	return float64(p.Steps) * logIntegral(p.Rate, p.Noise, order) / (order - 1)
}

// logWhole is the logarithm of
//
//	A = sum over k of C(a,k) (1-q)^(a-k) q^k exp((k^2-k)/(2 sigma^2)).
func logWhole(q, sigma float64, a int) float64 {
	sum := math.Inf(-1)
	for k := range a + 1 {
		i := float64(k)
		term := logChoose(float64(a), i) + i*math.Log(q) + (float64(a)-i)*math.Log1p(-q) + (i*i-i)/(2*sigma*sigma)
		sum = logAdd(sum, term)
	}
	return sum
}

// logIntegral is log A of any order by its definition, with mu0 the density of
// N(0, sigma^2) and mu1 that of N(1, sigma^2),
//
//	A = integral of mu0(z) (1-q + q mu1(z)/mu0(z))^a,    mu1/mu0 = exp((2z-1)/(2 sigma^2)).
//
// The trapezoidal rule on the whole line converges exponentially for such a function:
// steps are small against sigma and against pi*sigma^2, the distance of the branch
// points from the line. Beyond 0 and a it falls as a Gaussian. The series of Section
// 3.3 for such orders are not taken: their terms shrink as a power of their number.
func logIntegral(q, sigma, a float64) float64 {
	const tail = 12 // standard deviations: e^-72
	step := min(sigma/4, sigma*sigma/2)
	sum := math.Inf(-1)
	for i := math.Floor(-tail * sigma / step); i*step <= a+tail*sigma; i++ {
		z := i * step
		ratio := logAdd(math.Log1p(-q), math.Log(q)+(2*z-1)/(2*sigma*sigma))
		sum = logAdd(sum, a*ratio-z*z/(2*sigma*sigma))
	}
	return sum + math.Log(step/(sigma*math.Sqrt(2*math.Pi)))
}

// logChoose is the logarithm of the binomial coefficient.
func logChoose(n, k float64) float64 {
	a, _ := math.Lgamma(n + 1)
	b, _ := math.Lgamma(k + 1)
	c, _ := math.Lgamma(n - k + 1)
	return a - b - c
}

// logAdd is log(e^a + e^b).
func logAdd(a, b float64) float64 {
	a, b = max(a, b), min(a, b)
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
