package privacy

import (
	"fmt"
	"math"
)

// Epsilon returns the least epsilon for which the plans, done one after the other
// on overlapping images, are (epsilon, delta)-differentially private as far as
// their Renyi divergences tell, and the order that gives it. The conversion is
// that of Canonne, Kamath and Steinke 2020 (arXiv 2004.00010, Proposition 12) and
// Balle et al. 2020 (arXiv 1905.09982, Theorem 21),
//
//	epsilon = rdp + log((a-1)/a) - (log(delta) + log(a))/(a-1).
//
// It is 0 where there are no steps. It panics if a number is out of range.
func Epsilon(delta float64, plans ...Plan) (epsilon, order float64) {
	return least(delta, plans, func(rdp, a float64) float64 {
		return rdp + math.Log1p(-1/a) - (math.Log(delta)+math.Log(a))/(a-1)
	})
}

// ClassicEpsilon is Epsilon by the older and weaker conversion of Mironov 2017
// (arXiv 1702.07476, Proposition 3), epsilon = rdp - log(delta)/(a-1), that older
// tables have.
func ClassicEpsilon(delta float64, plans ...Plan) (epsilon, order float64) {
	return least(delta, plans, func(rdp, a float64) float64 { return rdp - math.Log(delta)/(a-1) })
}

func least(delta float64, plans []Plan, convert func(rdp, order float64) float64) (epsilon, order float64) {
	if err := checkDelta(delta); err != nil {
		panic("privacy: " + err.Error())
	}
	steps := 0
	for _, p := range plans {
		steps += p.Steps
	}
	if steps == 0 {
		return 0, math.NaN()
	}
	epsilon = math.Inf(1)
	for _, a := range orders() {
		rdp := 0.
		for _, p := range plans {
			rdp += RDP(p, a)
		}
		if e := max(0, convert(rdp, a)); e < epsilon {
			epsilon, order = e, a
		}
	}
	return epsilon, order
}

func checkDelta(delta float64) error {
	if !(delta > 0 && delta < 1) {
		return fmt.Errorf("delta: found %v, expected more than 0 and less than 1", delta)
	}
	return nil
}

// MinNoise is the least noise multiplier that NoiseFor returns: less hides nothing,
// and to count what it spends takes a time that grows as 1/noise^2.
const MinNoise = 0.1

// maxNoise is the largest noise multiplier that NoiseFor tries.
const maxNoise = 1e4

// NoiseFor returns the noise multiplier for which steps at that rate spend at most
// epsilon, as Epsilon counts, and hardly less: by bisection, to 1e-4 of it; MinNoise
// where that is enough. The error names what is out of range.
func NoiseFor(epsilon, delta, rate float64, steps int) (float64, error) {
	if !(epsilon > 0) || math.IsInf(epsilon, 0) {
		return 0, fmt.Errorf("epsilon: found %v, expected a number above 0", epsilon)
	}
	if err := checkDelta(delta); err != nil {
		return 0, err
	}
	if err := (Plan{rate, 1, steps}).Validate(); err != nil {
		return 0, err
	}
	if steps == 0 {
		return 0, fmt.Errorf("steps: found 0, expected at least 1")
	}
	enough := func(noise float64) bool {
		e, _ := Epsilon(delta, Plan{rate, noise, steps})
		return e <= epsilon
	}
	if enough(MinNoise) {
		return MinNoise, nil
	}
	lo, hi := MinNoise, .25
	for !enough(hi) {
		if lo, hi = hi, 2*hi; hi > maxNoise {
			return 0, fmt.Errorf("epsilon: found %v, which no noise up to %v reaches in %d steps at rate %v", epsilon,
				maxNoise, steps, rate)
		}
	}
	for hi-lo > 1e-4*hi {
		if mid := (lo + hi) / 2; enough(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}
