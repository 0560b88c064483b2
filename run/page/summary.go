package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/locimem/locimem/memorize"
)

// Summary is the table that is shown at the end of a run: one estimator, one
// distance, a row for each tap.
type Summary struct {
	Estimator memorize.Estimator `json:"estimator"`
	Distance  memorize.Distance  `json:"distance"`
	Level     float64            `json:"level"` // of the intervals
	Sets      []string           `json:"sets"`
	Taps      []TapRow           `json:"taps"`
}

// TapRow is what is known of one tap.
type TapRow struct {
	Tap   string `json:"tap"`
	Depth int    `json:"depth"`
	// LayerMem of each set that was scored.
	LayerMem map[string]memorize.Stat `json:"layermem"`
	// Controlled is half of (candidate - independent), nil without both.
	Controlled *memorize.Stat `json:"controlled"`
	// Delta is LayerMem of the candidates minus that of the tap before, nil for
	// the first tap.
	Delta *memorize.Stat `json:"delta"`
	// UnitMem is the mean over the units of f on the candidates. It is nil if
	// units were not scored, and where negative activations put values outside
	// of [0, 1]: a mean of those says nothing.
	UnitMem *float64 `json:"unitmem"`
	// ClassMem is the mean over the units of f on the classes of its training
	// images, nil without labels and where it is not bounded either.
	ClassMem *float64 `json:"classmem"`
}

// Summarize picks the rows of one estimator and distance.
func Summarize(t *memorize.Tables, est memorize.Estimator, dist memorize.Distance, level float64) *Summary {
	s := &Summary{Estimator: est, Distance: dist, Level: level}
	byTap := map[string]int{}
	for _, l := range t.Layers {
		if l.Estimator != est || l.Distance != dist {
			continue
		}
		i, ok := byTap[l.Tap]
		if !ok {
			i = len(s.Taps)
			byTap[l.Tap] = i
			s.Taps = append(s.Taps, TapRow{Tap: l.Tap, Depth: l.Depth, LayerMem: map[string]memorize.Stat{}})
		}
		if l.Set == memorize.Controlled {
			s.Taps[i].Controlled = &l.Stat
			continue
		}
		s.Taps[i].LayerMem[l.Set] = l.Stat
		if !slices.Contains(s.Sets, l.Set) {
			s.Sets = append(s.Sets, l.Set)
		}
	}
	for _, d := range t.Deltas {
		if i, ok := byTap[d.Tap]; ok && d.Set == memorize.Candidate && d.Estimator == est && d.Distance == dist {
			s.Taps[i].Delta = &d.Stat
		}
	}
	for i := range s.Taps {
		if values := t.UnitMem(s.Taps[i].Tap, memorize.Candidate); len(values) > 0 && bounded(values) {
			mean := stat.Mean(values, nil)
			s.Taps[i].UnitMem = &mean
		}
		if values := t.ClassMem(s.Taps[i].Tap); len(values) > 0 && bounded(values) {
			mean := stat.Mean(values, nil)
			s.Taps[i].ClassMem = &mean
		}
	}
	return s
}

// bounded tells whether all values lie in [0, 1].
func bounded(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return !(v >= 0 && v <= 1) })
}

// Above returns the taps in which the interval of the controlled score lies
// above 0.
func (s *Summary) Above() []string {
	var taps []string
	for _, t := range s.Taps {
		if t.Controlled != nil && t.Controlled.Lo > 0 {
			taps = append(taps, t.Tap)
		}
	}
	return taps
}

// Beyond returns the taps in which the controlled score is above 0 by more than
// looking at all these taps explains: by as many standard errors as the level
// asks for after Bonferroni's correction.
func (s *Summary) Beyond() []string {
	z := distuv.UnitNormal.Quantile(1 - (1-s.Level)/2/float64(max(len(s.Taps), 1)))
	var taps []string
	for _, t := range s.Taps {
		if c := t.Controlled; c != nil && c.Lo > 0 && c.Mean > z*c.SE {
			taps = append(taps, t.Tap)
		}
	}
	return taps
}

// Reading says in words what the table shows.
func (s *Summary) Reading() string {
	if len(s.Taps) == 0 || s.Taps[0].Controlled == nil {
		return "Without candidates and independents there is no controlled score: the table cannot tell memorization from a bias of the pair."
	}
	if math.IsNaN(s.Taps[0].Controlled.Lo) {
		return "A set of one image has no interval: the table cannot tell memorization from chance."
	}
	above, beyond, n := s.Above(), s.Beyond(), len(s.Taps)
	interval := fmt.Sprintf("the %g %% interval of the controlled score lies above 0", 100*s.Level)
	if len(above) == 0 {
		return fmt.Sprintf("No memorization shows: %s in none of the %d taps.", interval, n)
	}
	many := fmt.Sprintf("%d of them", len(beyond))
	if len(beyond) == len(above) {
		many = "all of them"
	}
	verdict := fmt.Sprintf("Memorization shows: %s in %d of %d taps (%s), in %s by more than having looked at %d taps explains.",
		interval, len(above), n, s.runs(above), many, n)
	if len(beyond) == 0 {
		verdict = fmt.Sprintf("Memorization does not show for sure: %s in %d of %d taps (%s), but in none by more than having looked at %d taps explains.",
			interval, len(above), n, s.runs(above), n)
	}
	best := s.Taps[0]
	for _, t := range s.Taps {
		if !(best.Controlled.Mean >= t.Controlled.Mean) {
			best = t
		}
	}
	return fmt.Sprintf("%s It is largest in %s, %s. The interval covers points and views of this one pair of encoders, not other pairs.",
		verdict, best.Tap, Interval(best.Controlled))
}

// runs lists taps, neighbouring ones as "from to".
func (s *Summary) runs(taps []string) string {
	var parts []string
	for i := 0; i < len(s.Taps); i++ {
		if !slices.Contains(taps, s.Taps[i].Tap) {
			continue
		}
		j := i
		for j+1 < len(s.Taps) && slices.Contains(taps, s.Taps[j+1].Tap) {
			j++
		}
		switch {
		case j == i:
			parts = append(parts, s.Taps[i].Tap)
		case j == len(s.Taps)-1:
			parts = append(parts, "all from "+s.Taps[i].Tap+" on")
		default:
			parts = append(parts, s.Taps[i].Tap+" to "+s.Taps[j].Tap)
		}
		i = j
	}
	return strings.Join(parts, ", ")
}

// Interval returns a mean with its interval as text.
func Interval(s *memorize.Stat) string {
	if math.IsNaN(s.Lo) {
		return fmt.Sprintf("%.4f", s.Mean)
	}
	return fmt.Sprintf("%.4f [%.4f, %.4f]", s.Mean, s.Lo, s.Hi)
}
