package stats

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// MembershipTest tests whether scores depend on which half of the images was drawn.
type MembershipTest struct {
	// Test has the controlled score, without the effects of the images, as its Statistic,
	// and the two-sided p value among random draws, at least 1/(Arrangements+1).
	Test
	// SD is the exact standard deviation of the statistic over all draws, and Z the
	// statistic in units of it. Z is 0 where SD is.
	SD float64 `json:"sd"`
	Z  float64 `json:"z"`
	// PNormal is the two-sided p value of Z by the normal distribution, which the sum
	// over many images approaches. It can fall below 1/(Arrangements+1), so use it where
	// p values are corrected for many taps.
	PNormal float64 `json:"p_normal"`
}

// Membership is the test of the mean over pairs, and of each pair alone.
type Membership struct {
	MembershipTest
	Pairs []MembershipTest `json:"pairs"`
}

// Membership is MembershipTaps for one tap.
func (c Crossed) Membership(r Resampling) (Membership, error) {
	if err := c.validate(1); err != nil {
		return Membership{}, err
	}
	out, err := MembershipTaps(c.Member, [][][]float64{c.Scores}, r)
	if err != nil {
		return Membership{}, err
	}
	return out[0], nil
}

// MembershipTaps tests, for scores[tap][pair][image] of crossed pairs, whether the
// encoders carry any information about which images they were trained on. If they
// do not, the draw of the halves is independent of the scores, whatever these are.
// The test therefore draws other halves: one for each couple, which its second pair
// exchanges, and one for a last pair without a partner. Each draw gives the mean
// over pairs of the controlled score; p counts, two-sided, the draws at least as far
// from 0 as the true one, and the true one itself (Phipson and Smyth 2010). All taps
// share the draws. With an even number of pairs the statistic is Population.Mean.
//
// The effects a_i of the images cancel within a couple. So that they trouble neither
// a single pair nor a last one without a partner, every pair first loses the images'
// means over the other complete couples, if there are any. That is allowed because
// these means depend on the scores only. It changes nothing in the sum of a couple.
//
// With d_k the scores of the first pair of couple k minus those of the second, or
// the scores of a pair without a partner, the statistic is the sum over couples of
// the sums of m d_k, over P N. A random half has E m_i m_j = -1/(N-1), so
//
//	SD^2 = sum over k of SS(d_k) / (P^2 N (N-1)), SS(d) = sum of (d_i - mean d)^2
//
// The test is exact only if the halves were drawn from all images alike, not, for
// example, class by class.
func MembershipTaps(member [][]bool, scores [][][]float64, r Resampling) ([]Membership, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if len(scores) == 0 {
		return nil, fmt.Errorf("taps: found none, expected at least one")
	}
	for t, s := range scores {
		if err := (Crossed{s, member}).validate(1); err != nil {
			return nil, fmt.Errorf("tap %d: %w", t, err)
		}
		if len(s[0]) != len(scores[0][0]) {
			return nil, fmt.Errorf("tap %d: found %d images, tap 0 has %d", t, len(s[0]), len(scores[0][0]))
		}
	}
	d := newDraws(member, scores)
	taps, pairs := len(scores), len(member)

	actual := make([][]uint64, len(d.couples))
	for k := range actual {
		actual[k] = make([]uint64, d.words())
		for i, in := range member[2*k] {
			if in {
				actual[k][i/64] |= 1 << (i % 64)
			}
		}
	}
	found := d.statistics(func(k int, half []uint64) { copy(half, actual[k]) })
	tests := make([]tally, len(found))
	for t, s := range scores {
		one := newTally(0, TwoSided, s...)
		for j := t; j < len(found); j += taps {
			tests[j] = tally{found[j], one.slack, one.alt}
		}
	}
	hit := make([]bool, r.Resamples*len(found))
	r.run("membership", func(b int, s *rand.Rand) {
		drawn := d.statistics(func(_ int, half []uint64) { randomHalf(s, d.images, half) })
		for j, v := range drawn {
			hit[b*len(found)+j] = tests[j].extreme(v)
		}
	})

	test := func(j int, sd float64) MembershipTest {
		count := 0
		for b := range r.Resamples {
			if hit[b*len(found)+j] {
				count++
			}
		}
		out := MembershipTest{Test: tests[j].test(count, r.Resamples, false), PNormal: 1}
		if sd > tests[j].slack { // otherwise it is rounding
			out.SD, out.Z = sd, found[j]/sd
			out.PNormal = 2 * distuv.UnitNormal.CDF(-math.Abs(out.Z))
		}
		return out
	}
	out := make([]Membership, taps)
	for t := range out {
		whole, before := 0.0, []float64(nil)
		for p := range pairs {
			x := d.column(p, t)
			out[t].Pairs = append(out[t].Pairs, test(p*taps+t, math.Sqrt(drawVariance(x))))
			switch {
			case p%2 == 1:
				whole += drawVariance(floats.SubTo(before, before, x))
			case p == pairs-1:
				whole += drawVariance(x)
			}
			before = x
		}
		out[t].MembershipTest = test(pairs*taps+t, math.Sqrt(whole)/float64(pairs))
	}
	return out, nil
}

// drawVariance returns the variance, over all halves, of the mean of m_i x_i.
func drawVariance(x []float64) float64 { return stat.Variance(x, nil) / float64(len(x)) }

// draws holds the scores of crossed pairs in the order in which halves are summed.
type draws struct {
	pairs, taps, images int
	// couples[k] is [image][pair of the couple][tap], so that an image of a half adds one
	// row. Every pair has mean 0 and has lost the images' means over the other couples.
	couples [][]float64
}

func newDraws(member [][]bool, scores [][][]float64) draws {
	d := draws{pairs: len(member), taps: len(scores), images: len(member[0])}
	d.couples = make([][]float64, (d.pairs+1)/2)
	for k := range d.couples {
		d.couples[k] = make([]float64, d.images*d.width(k))
	}
	for t, s := range scores {
		for p, x := range (Crossed{s, member}).withoutOthers() {
			rows, width := d.couples[p/2], d.width(p/2)
			for i, v := range x {
				rows[i*width+p%2*d.taps+t] = v
			}
		}
	}
	return d
}

// withoutOthers returns the scores minus the mean of their pair, and minus the mean of
// that for their image over the complete couples that the pair does not belong to.
func (c Crossed) withoutOthers() [][]float64 {
	centred := c.centred()
	complete := len(centred) / 2 * 2
	out := make([][]float64, len(centred))
	for p, s := range centred {
		others := make([]float64, len(s))
		n := 0
		for q, x := range centred[:complete] {
			if q/2 != p/2 {
				floats.Add(others, x)
				n++
			}
		}
		out[p] = slices.Clone(s)
		floats.AddScaled(out[p], -1/float64(max(1, n)), others)
	}
	return out
}

// column returns the values of a pair at a tap, [image].
func (d draws) column(pair, tap int) []float64 {
	out := make([]float64, d.images)
	for i := range out {
		out[i] = d.couples[pair/2][i*d.width(pair/2)+pair%2*d.taps+tap]
	}
	return out
}

// width is the length of a row of couple k.
func (d draws) width(k int) int { return min(2, d.pairs-2*k) * d.taps }

// words is the length of a half as a set of bits.
func (d draws) words() int { return (d.images + 63) / 64 }

// statistics returns the controlled scores [pair][tap], and after them their means
// over the pairs [tap], where draw sets the bits of the candidates of the first pair
// of couple k.
func (d draws) statistics(draw func(k int, half []uint64)) []float64 {
	out := make([]float64, (d.pairs+1)*d.taps)
	half := make([]uint64, d.words())
	for k, rows := range d.couples {
		draw(k, half)
		width := d.width(k)
		sum := out[2*k*d.taps:][:width]
		for w, word := range half {
			for ; word != 0; word &= word - 1 {
				i := w*64 + bits.TrailingZeros64(word)
				floats.Add(sum, rows[i*width:][:width])
			}
		}
		// Scores are centred: the other half has the same sum with the other sign.
		for j := range sum {
			sum[j] *= 2 / float64(d.images)
			if j >= d.taps {
				sum[j] = -sum[j]
			}
		}
	}
	mean := out[d.pairs*d.taps:]
	for p := range d.pairs {
		floats.AddScaled(mean, 1/float64(d.pairs), out[p*d.taps:][:d.taps])
	}
	return out
}

// randomHalf sets the bits of a random half of n images, all halves alike. Independent
// bits are a random set of their number; adding or removing random images up to half
// of them keeps it random.
func randomHalf(s *rand.Rand, n int, half []uint64) {
	count := 0
	for w := range half {
		half[w] = s.Uint64()
		if left := n - w*64; left < 64 {
			half[w] &= 1<<left - 1
		}
		count += bits.OnesCount64(half[w])
	}
	for count != n/2 {
		i := s.IntN(n)
		bit := uint64(1) << (i % 64)
		switch in := half[i/64]&bit != 0; {
		case in && count > n/2:
			half[i/64] &^= bit
			count--
		case !in && count < n/2:
			half[i/64] |= bit
			count++
		}
	}
}
