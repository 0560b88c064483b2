package stats

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/locimem/locimem/internal/rng"
)

var simulations = flag.Int("simulations", 800, "studies to simulate in most tests of crossed pairs, 100 or more")

// world is what simulated studies have in common: the standard deviations of the
// parts of the model of Crossed.
type world struct {
	pairs, images  int
	theta          float64
	pair, image    float64 // t_p, tau_i
	noise, noiseDF float64 // an image's variance is noise^2 noiseDF/chi-square, or noise^2 if that is 0
	bias, odd      float64 // b_p, and a_i: odd times Student's t on 2 degrees of freedom
	sameHalves     bool    // the old design: all pairs have the first one's halves
}

// usual has averaged noise of 0.07 in a pair, as much as t_p, and odd images that add
// about 0.5 to the controlled score of one pair and take it from that of the other.
func usual(pairs int) world {
	return world{pairs: pairs, images: 200, theta: 0.3, pair: 0.07, image: 0.5, noise: 1, bias: 1, odd: 3}
}

// simulated is a study that was drawn, and its truth.
type simulated struct {
	Crossed
	tau           []float64 // [image]
	tauMean, mean float64   // of tau_i, and of t_p
}

func (w world) draw(r *rand.Rand) simulated {
	out := simulated{Crossed: randomCrossed(r, w.pairs, w.images, 0), tau: make([]float64, w.images)}
	odd, noise := make([]float64, w.images), make([]float64, w.images)
	for i := range out.tau {
		out.tau[i] = w.image * r.NormFloat64()
		odd[i] = w.odd * r.NormFloat64() / math.Sqrt(r.ExpFloat64())
		noise[i] = w.noise
		if w.noiseDF > 0 {
			noise[i] *= math.Sqrt(w.noiseDF / distuv.ChiSquared{K: w.noiseDF, Src: r}.Rand())
		}
	}
	out.tauMean = stat.Mean(out.tau, nil)
	for p, s := range out.Scores {
		if w.sameHalves {
			out.Member[p] = out.Member[0]
		}
		bias, t := w.bias*r.NormFloat64(), w.pair*r.NormFloat64()
		out.mean += t / float64(w.pairs)
		for i := range s {
			s[i] = bias + odd[i] + out.sign(p, i)*(w.theta+t+out.tau[i]) + noise[i]*r.NormFloat64()
		}
	}
	return out
}

// tolerance is how far from a share the count of n simulations may be by chance: 3.5
// standard deviations, since some 30 shares are checked.
func tolerance(share float64, n int) float64 { return 3.5 * math.Sqrt(share*(1-share)/float64(n)) }

// inside asserts that count of n simulations is a share within the tolerance. Above is
// how much more an interval may cover by design.
func inside(t *testing.T, share float64, count, n int, above float64, what ...any) {
	t.Helper()
	got := float64(count) / float64(n)
	assert.GreaterOrEqual(t, got, share-tolerance(share, n), what...)
	assert.LessOrEqual(t, got, share+tolerance(share, n)+above, what...)
}

func (i Interval) holds(v float64) bool { return i.Lo <= v && v <= i.Hi }

// coverage is how intervals for theta do in all simulations.
type coverage struct {
	holds   int
	width   float64   // sum
	errors  float64   // sum of squares
	strain  []float64 // sizes of the errors, in half widths
	centred []Interval
}

func (c *coverage) add(m Mean, theta float64) {
	if m.holds(theta) {
		c.holds++
	}
	c.width += m.Hi - m.Lo
	c.errors += (m.Mean - theta) * (m.Mean - theta)
	c.strain = append(c.strain, math.Abs(m.Mean-theta)/(m.Hi-m.Lo)*2)
	c.centred = append(c.centred, Interval{m.Lo - theta, m.Hi - theta})
}

func (c *coverage) n() float64 { return float64(len(c.centred)) }

func (c *coverage) share() float64 { return float64(c.holds) / c.n() }

func (c *coverage) rms() float64 { return math.Sqrt(c.errors / c.n()) }

// honest is the mean width that would cover 95 %.
func (c *coverage) honest() float64 {
	slices.Sort(c.strain)
	return c.width / c.n() * stat.Quantile(0.95, stat.Empirical, c.strain, nil)
}

// power is the number of simulations whose interval would exclude 0 if theta were
// the given number: the intervals move with theta.
func (c *coverage) power(theta float64) (count int) {
	for _, i := range c.centred {
		if !(Interval{i.Lo + theta, i.Hi + theta}).holds(0) {
			count++
		}
	}
	return count
}

// The intervals hold the truth as often as they say, and Detectable is detected with
// a probability of 0.8. Bounds on top of chance, fixed in advance: 2 % for Pairs and
// Both, which are wide by design where noise counts, and 5 % for the power.
func TestCrossedIntervalsCoverWhatTheySay(t *testing.T) {
	t.Log("pairs  Pairs   Both  Images  power  detectable  rms error  mean SE")
	for _, pairs := range []int{3, 4, 5, 8} {
		w := usual(pairs)
		var both coverage
		var holdsPairs, holdsImages int
		var se, detectable float64
		for b := range *simulations {
			d := w.draw(rng.New(uint64(b), "crossed coverage"))
			got, err := d.Population(0.95)
			require.NoError(t, err)
			both.add(*got.Both, w.theta)
			if got.Pairs.holds(w.theta + d.tauMean) {
				holdsPairs++
			}
			if got.Images.holds(w.theta + d.mean) {
				holdsImages++
			}
			se += got.Both.SE * got.Both.SE
			detectable += *got.Detectable * *got.Detectable
		}
		n := float64(*simulations)
		se, detectable = math.Sqrt(se/n), math.Sqrt(detectable/n)
		power := both.power(detectable)
		t.Logf("%5d  %.3f  %.3f   %.3f  %.3f       %.3f      %.4f   %.4f", pairs, float64(holdsPairs)/n,
			both.share(), float64(holdsImages)/n, float64(power)/n, detectable, both.rms(), se)
		inside(t, 0.95, holdsPairs, *simulations, 0.02, "Pairs, %d pairs", pairs)
		inside(t, 0.95, both.holds, *simulations, 0.02, "Both, %d pairs", pairs)
		inside(t, 0.95, holdsImages, *simulations, 0.01, "Images, %d pairs", pairs)
		assert.InDelta(t, 0.8, float64(power)/n, 0.05+tolerance(0.8, *simulations), "%d pairs", pairs)
		assert.InDelta(t, 1.1, se/both.rms(), 0.2, "%d pairs", pairs)
	}
}

// In one world, with the same number of encoders and images: crossed pairs, crossed
// pairs without their adjustment, and the old design, in which all pairs have the
// same candidates. There the odd images are a bias that pairs cannot show.
func TestCrossedPairsBeatFixedHalves(t *testing.T) {
	t.Log("pairs  interval                    covers  width  rms error  width for 95 %")
	for _, pairs := range []int{4, 8} {
		w := usual(pairs)
		w.images = 1000 // 500 candidates and 500 independents
		old := w
		old.sameHalves = true
		var crossed, student, fixed coverage
		n := *simulations / 4
		for b := range n {
			d := w.draw(rng.New(uint64(b), "crossed against fixed"))
			got, err := d.Population(0.95)
			require.NoError(t, err)
			crossed.add(*got.Both, w.theta)
			plain, err := Student(got.PairMeans, 0.95)
			require.NoError(t, err)
			student.add(plain, w.theta)
			f := old.draw(rng.New(uint64(b), "crossed against fixed"))
			means := make([]float64, pairs)
			for p, s := range f.Scores {
				means[p] = f.signedMean(p, s)
			}
			plain, err = Student(means, 0.95)
			require.NoError(t, err)
			fixed.add(plain, w.theta)
		}
		row := func(name string, c *coverage) {
			t.Logf("%5d  %-26s   %.3f  %.3f      %.4f           %.3f",
				pairs, name, c.share(), c.width/c.n(), c.rms(), c.honest())
		}
		row("crossed, Both", &crossed)
		row("crossed, Student on means", &student)
		row("fixed halves, Student", &fixed)
		inside(t, 0.95, crossed.holds, n, 0.02)
		assert.Less(t, crossed.width, student.width/3, "removing the images' effects narrows the interval")
		assert.Less(t, crossed.rms(), fixed.rms()/2)
		assert.Less(t, crossed.width/crossed.n(), fixed.honest()/3, "at the same coverage")
		assert.Less(t, fixed.share(), 0.8, "the old interval missed the odd images")
	}
}

// Without any memorization 5 % of the tests reject, however odd the images and biased
// the pairs are, for the mean over pairs and for a single pair.
func TestMembershipKeepsItsLevel(t *testing.T) {
	for _, pairs := range []int{3, 4, 8} {
		w := usual(pairs)
		w.images, w.theta, w.pair, w.image = 100, 0, 0, 0
		var whole, normal, single, power int
		count := func(to *int, p float64) {
			if p <= 0.05 {
				*to++
			}
		}
		for b := range *simulations {
			d := w.draw(rng.New(uint64(b), "membership level"))
			got, err := d.Membership(Resampling{Resamples: 99, Level: 0.95, Seed: uint64(b)})
			require.NoError(t, err)
			count(&whole, got.P)
			count(&normal, got.PNormal)
			count(&single, got.Pairs[pairs-1].P)
			for p, s := range d.Scores {
				for i := range s {
					s[i] += 0.2 * d.sign(p, i) // two to four standard deviations of averaged noise
				}
			}
			got, err = d.Membership(Resampling{Resamples: 99, Level: 0.95, Seed: uint64(b)})
			require.NoError(t, err)
			count(&power, got.P)
		}
		n := float64(*simulations)
		t.Logf("%d pairs: p rejects %.3f, the normal p %.3f, p of the last pair %.3f; at theta 0.2 p rejects %.3f",
			pairs, float64(whole)/n, float64(normal)/n, float64(single)/n, float64(power)/n)
		inside(t, 0.05, whole, *simulations, 0)
		inside(t, 0.05, normal, *simulations, 0.01)
		inside(t, 0.05, single, *simulations, 0)
		assert.Greater(t, float64(power)/n, 0.6)
	}
}

// Standard errors of single images hold, on the degrees of freedom of their
// moderation, though each has a variance of its own. Student's t on n degrees of
// freedom has the variance n/(n-2): that much the squared errors exceed SE^2.
func TestImagesHaveTheErrorsTheySay(t *testing.T) {
	const df = 8
	for _, pairs := range []int{4, 5, 8} {
		w := usual(pairs)
		w.images, w.noiseDF = 1000, df // so many that the prior is well known
		var outside, images, squares, variances, prior float64
		for b := range *simulations / 8 {
			d := w.draw(rng.New(uint64(b), "image errors"))
			got, err := d.Images()
			require.NoError(t, err)
			limit := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: got.DF + got.Prior.DF}.Quantile(0.975)
			for i, s := range got.Scores {
				e := s.Value - w.theta - d.mean - d.tau[i]
				if math.Abs(e) > limit*s.SE {
					outside++
				}
				images++
				squares += e * e
				variances += s.SE * s.SE
			}
			prior += 1 / got.Prior.DF / float64(*simulations/8)
		}
		total := float64(df + pairs - 2)
		calibration := math.Sqrt(squares / variances * (total - 2) / total)
		t.Logf("%d pairs: %.4f of the errors are outside 95 %%, rms error over the planned one %.3f, prior DF %.1f",
			pairs, outside/images, calibration, 1/prior)
		assert.InDelta(t, 0.05, outside/images, 0.005)
		assert.InDelta(t, 1, calibration, 0.03)
		assert.InDelta(t, df, 1/prior, 1.5)
	}
}

// Reliability is the squared correlation of the images' values with their true
// memorization: tau_i has the variance 1/4, the values' noise 1/pairs.
func TestReliabilityIsTheSquaredCorrelation(t *testing.T) {
	for _, pairs := range []int{4, 6, 8, 10} {
		w := usual(pairs)
		var full, squared float64
		n := float64(*simulations / 20)
		for b := range *simulations / 20 {
			d := w.draw(rng.New(uint64(b), "simulated reliability"))
			got, err := d.Reliability(1)
			require.NoError(t, err)
			full += got.Full / n
			f := d.fit(d.centred())
			r := stat.Correlation(f.value, d.tau, nil)
			squared += r * r / n
		}
		want := 0.25 / (0.25 + 1/float64(pairs))
		t.Logf("%2d pairs: reliability %.3f, squared correlation %.3f, by the variances %.3f", pairs, full, squared, want)
		assert.InDelta(t, want, full, 0.04) // ranks correlate a little less
		assert.InDelta(t, squared, full, 0.04)
	}
}
