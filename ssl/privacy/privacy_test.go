package privacy

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// golden is what testdata/make_accountant.py writes.
type golden struct {
	Plans []struct {
		Rate, Noise, Delta float64
		Steps              int
		Orders, RDP        []float64
		Epsilon, Classic   float64
	}
	Searched []struct {
		Epsilon, Rate, Delta, Noise float64
		Steps                       int
	}
}

func open(t *testing.T) (g golden) {
	text, err := os.ReadFile("testdata/accountant.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &g))
	require.NotEmpty(t, g.Plans)
	return g
}

func TestAgainstOpacusAndDPAccounting(t *testing.T) {
	for _, p := range open(t).Plans {
		plan := Plan{p.Rate, p.Noise, p.Steps}
		for i, a := range p.Orders {
			assert.InEpsilon(t, p.RDP[i], RDP(plan, a), 1e-7, "RDP of order %v of %+v", a, plan)
		}
		epsilon, _ := Epsilon(p.Delta, plan)
		assert.InEpsilon(t, p.Epsilon, epsilon, 1e-5, "epsilon of %+v", plan)
		classic, _ := ClassicEpsilon(p.Delta, plan)
		assert.InEpsilon(t, p.Classic, classic, 1e-5, "classic epsilon of %+v", plan)
		assert.Less(t, epsilon, classic)
	}
}

func TestNoiseAgainstOpacus(t *testing.T) {
	for _, s := range open(t).Searched {
		noise, err := NoiseFor(s.Epsilon, s.Delta, s.Rate, s.Steps)
		require.NoError(t, err)
		assert.InEpsilon(t, s.Noise, noise, 3e-4)
		epsilon, _ := Epsilon(s.Delta, Plan{s.Rate, noise, s.Steps})
		assert.LessOrEqual(t, epsilon, s.Epsilon)
		assert.InEpsilon(t, s.Epsilon, epsilon, 1e-3)
	}
}

// Values that others have published, by the conversion of their time.
func TestPublishedValues(t *testing.T) {
	const mnist = 60000
	for _, p := range []struct {
		source                  string
		rate, noise             float64
		steps                   int
		delta, expected, within float64
		epsilon                 func(float64, ...Plan) (float64, float64)
	}{
		// The table "Select Parameters" of its tutorials/README.md, to two digits
		// behind the point.
		{"TensorFlow Privacy", 256. / mnist, 1.12, 60 * (mnist / 256), 1e-5, 2.92, .01, ClassicEpsilon},
		{"TensorFlow Privacy", 256. / mnist, .6, 30 * (mnist / 256), 1e-5, 9.74, .01, ClassicEpsilon},
		{"TensorFlow Privacy", 256. / mnist, 1.2, 10 * (mnist / 256), 1e-5, 1.20, .01, ClassicEpsilon},
		// Bu, Dong, Long and Su 2020, Deep Learning with Gaussian Differential Privacy,
		// Figure 4 (moments accountant, whose grid of orders is coarser).
		{"Bu et al. 2020", 256. / mnist, 1.3, 20 * (mnist / 256), 1e-5, 1.34, .02, ClassicEpsilon},
		{"Bu et al. 2020", 256. / mnist, .7, 70 * (mnist / 256), 1e-5, 8.68, .02, ClassicEpsilon},
		// Abadi et al. 2016, Section 3.2: q = 0.01, sigma = 4, T = 10,000, delta = 1e-5
		// spend 1.26 by the moments accountant.
		{"Abadi et al. 2016", .01, 4, 10000, 1e-5, 1.26, .005, ClassicEpsilon},
	} {
		got, order := p.epsilon(p.delta, Plan{p.rate, p.noise, p.steps})
		assert.InDelta(t, p.expected, got, p.within, "%s: rate %v, noise %v, %d steps (order %v)", p.source, p.rate,
			p.noise, p.steps, order)
	}
}

// One step on all images is the Gaussian mechanism, whose exact delta is known:
// Balle and Wang 2018 (arXiv 1805.06530), Theorem 8. What the accountant says must
// be true, and not far from it.
func TestBoundsTheGaussianMechanism(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for _, sigma := range []float64{.5, 1, 3, 10} {
		for _, delta := range []float64{1e-3, 1e-5, 1e-8} {
			epsilon, _ := Epsilon(delta, Plan{1, sigma, 1})
			exact := phi(1/(2*sigma)-epsilon*sigma) - math.Exp(epsilon)*phi(-1/(2*sigma)-epsilon*sigma)
			assert.LessOrEqual(t, exact, delta, "sigma %v", sigma)
			assert.Greater(t, exact, delta/30, "sigma %v, delta %v", sigma, delta)
		}
	}
}

// Series and integral are two ways to the same number.
func TestWholeOrdersByIntegral(t *testing.T) {
	for _, q := range []float64{1e-4, .01, .3, .9} {
		for _, sigma := range []float64{.3, 1, 4, 30} {
			for _, a := range []int{2, 3, 7, 20} {
				series, integral := logWhole(q, sigma, a), logIntegral(q, sigma, float64(a))
				assert.InDelta(t, series, integral, 1e-13+1e-11*series, "rate %v, noise %v, order %d", q, sigma, a)
			}
		}
	}
}

func TestEpsilonGrows(t *testing.T) {
	of := func(q, sigma float64, steps int) float64 {
		e, _ := Epsilon(1e-5, Plan{q, sigma, steps})
		return e
	}
	base := of(.05, 1, 100)
	assert.Less(t, base, of(.06, 1, 100))
	assert.Less(t, base, of(.05, .9, 100))
	assert.Less(t, base, of(.05, 1, 101))
	assert.Zero(t, of(.05, 1, 0))
	two, _ := Epsilon(1e-5, Plan{.05, 1, 40}, Plan{.05, 1, 60})
	assert.InEpsilon(t, base, two, 1e-12, "plans add up")
}

func TestNoiseForSaysWhatIsWrong(t *testing.T) {
	for want, f := range map[string]func() (float64, error){
		"epsilon: found 0":   func() (float64, error) { return NoiseFor(0, 1e-5, .1, 10) },
		"delta: found 1":     func() (float64, error) { return NoiseFor(1, 1, .1, 10) },
		"rate: found 1.5":    func() (float64, error) { return NoiseFor(1, 1e-5, 1.5, 10) },
		"steps: found 0":     func() (float64, error) { return NoiseFor(1, 1e-5, .1, 0) },
		"no noise up to":     func() (float64, error) { return NoiseFor(1e-6, 1e-9, 1, 1e6) },
		"epsilon: found NaN": func() (float64, error) { return NoiseFor(math.NaN(), 1e-5, .1, 10) },
	} {
		_, err := f()
		assert.ErrorContains(t, err, want)
	}
}

// Where hardly any noise is enough, the answer takes no time.
func TestLeastNoise(t *testing.T) {
	noise, err := NoiseFor(1e6, 1e-5, 0.1, 10)
	require.NoError(t, err)
	assert.Equal(t, MinNoise, noise)
}
