package study

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// Results are the scores of a group of pairs.
type Results struct {
	*Reader
	by       memorize.Distance
	pairs    []Pair
	scores   []scores // of each pair
	sameData []scores // of the same-data pair; nil without one
}

// scores are the alignments of one pair's points.
type scores struct{ *memorize.Points }

// of returns the score of every point of a set in a tap by Eq. 2.
func (p scores) of(tap, set string) []float64 {
	a := p.Of(tap, set)
	return memorize.Paper.Points(a.F, a.G)
}

// fewest is the smallest number of points that any of the sets has in a tap.
func (p scores) fewest(tap string, sets ...string) int {
	n := math.MaxInt
	for _, set := range sets {
		n = min(n, len(p.of(tap, set)))
	}
	return n
}

// over returns LayerMem of a set (Eq. 3), pair by pair.
func over(all []scores, tap, set string) []float64 {
	var out []float64
	for _, p := range all {
		out = append(out, stat.Mean(p.of(tap, set), nil))
	}
	return out
}

// layerMem returns LayerMem of the candidates, as the paper takes it, pair by pair.
func layerMem(all []scores, tap string) []float64 { return over(all, tap, memorize.Candidate) }

// controlled returns half of candidates minus independents, pair by pair.
func controlled(all []scores, tap string) []float64 {
	return half(minus(layerMem(all, tap), over(all, tap, memorize.Independent)))
}

// LayerMem returns LayerMem of the candidates in a tap, as the paper takes it, pair by
// pair.
func (r *Results) LayerMem(tap string) []float64 { return layerMem(r.scores, tap) }

// Controlled returns the controlled score of a tap, half of LayerMem of the candidates
// minus that of the independents, pair by pair.
func (r *Results) Controlled(tap string) []float64 { return controlled(r.scores, tap) }

// layerScore is a number of each tap, pair by pair: layerMem or controlled.
type layerScore func(all []scores, tap string) []float64

// profile is a score of one pair in some taps.
func (r *Results) profile(pair int, taps []string, of layerScore) []float64 {
	var out []float64
	for _, tap := range taps {
		out = append(out, of(r.scores[pair:pair+1], tap)[0])
	}
	return out
}

// LastThree returns a quantity of taps as its mean over the last three of them, pair by
// pair.
func LastThree(taps []string, of func(tap string) []float64) []float64 {
	var out []float64
	last := taps[len(taps)-3:]
	for _, tap := range last {
		v := of(tap)
		if out == nil {
			out = make([]float64, len(v))
		}
		for i := range v {
			out[i] += v[i] / float64(len(last))
		}
	}
	return out
}

// rise is the mean of the last three numbers minus that of the first three.
func rise(values []float64) float64 {
	return stat.Mean(values[len(values)-3:], nil) - stat.Mean(values[:3], nil)
}

// rises returns the rise of a score over taps, pair by pair.
func (r *Results) rises(taps []string, of layerScore) []float64 {
	var out []float64
	for i := range r.scores {
		out = append(out, rise(r.profile(i, taps, of)))
	}
	return out
}

// areas returns the area under the ROC curve for telling candidates from independents
// by their score in a tap, pair by pair.
func (r *Results) areas(tap string) ([]float64, error) {
	var out []float64
	for _, p := range r.scores {
		a, err := stats.AUC(p.of(tap, memorize.Candidate), p.of(tap, memorize.Independent), level)
		if err != nil {
			return nil, err
		}
		out = append(out, a.AUC)
	}
	return out, nil
}

func minus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

func half(v []float64) []float64 {
	for i := range v {
		v[i] /= 2
	}
	return v
}

// shifted adds a number to all.
func shifted(v []float64, by float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[i] + by
	}
	return out
}

// Taps returns the taps that were scored, in forward order.
func (r *Results) Taps() []string { return r.scores[0].Taps }

// Convolutions returns the taps that are convolutions, the layers of the paper's tables.
// Fewer than six are an error.
func (r *Results) Convolutions() ([]string, error) {
	return r.tapsWhere("convolutions", func(tap string) bool {
		return strings.HasPrefix(tap[strings.LastIndex(tap, ".")+1:], "conv") // in a ResNet-18 layer1.0.conv1
	})
}

// blocks returns the taps that are the outputs of a transformer's blocks.
func (r *Results) blocks() ([]string, error) {
	return r.tapsWhere("blocks", func(tap string) bool {
		return strings.HasPrefix(tap, "blocks.") && strings.Count(tap, ".") == 1
	})
}

// tapsWhere returns the taps of a kind, at least six.
func (r *Results) tapsWhere(kind string, is func(tap string) bool) ([]string, error) {
	var out []string
	for _, t := range r.Taps() {
		if is(t) {
			out = append(out, t)
		}
	}
	if len(out) < 6 {
		return nil, fmt.Errorf("taps: found the %s %v among those that were scored, expected at least 6", kind, out)
	}
	return out, nil
}

// lastReLU is the last tap behind a ReLU, "" if there is none.
func (r *Results) lastReLU() string {
	last := ""
	for _, t := range r.Taps() {
		if behindReLU(t) {
			last = t
		}
	}
	return last
}

func behindReLU(tap string) bool {
	return strings.HasPrefix(tap[strings.LastIndex(tap, ".")+1:], "relu")
}

// trained says in a sentence what was trained and scored.
func (r *Results) trained() string {
	return prosef(`%d pairs of encoders (%s) were trained on the same split with different seeds, and scored.`,
		len(r.pairs), r.pairs[0].Recipe.Describe())
}

// intervals is the note of tables over pairs.
func (r *Results) intervals() string { return fmt.Sprintf("%s Eq. 2, %s.", r.overPairs(), r.by) }

// overPairs is intervals without the distance.
func (r *Results) overPairs() string {
	return prosef(`Means over %d pairs of encoders with 95 %% intervals by Student's t over pairs. One pair has no
		interval.`, len(r.pairs))
}

// membersMinusOthers is a quantity of an encoder on its members minus the same on the
// other encoder's, mean over the two encoders of a pair. Each set is once the members
// and once the others, so whatever is odd about its images in all pairs cancels. An
// interval over pairs would not cover that.
func membersMinusOthers(of func(s memorize.Side, set string) (float64, error)) (float64, error) {
	sum := 0.0
	for _, s := range memorize.Sides {
		members, err := of(s, s.Members())
		if err != nil {
			return 0, err
		}
		others, err := of(s, s.Others())
		if err != nil {
			return 0, err
		}
		sum += (members - others) / float64(len(memorize.Sides))
	}
	return sum, nil
}

// push appends a cell to a series.
func push(s *report.Series, c report.Cell) {
	s.Y = append(s.Y, c.Value)
	if c.Lo != nil {
		s.Lo, s.Hi = append(s.Lo, c.Lo), append(s.Hi, c.Hi)
	}
}

// addColumn adds a column with a cell for each tap to a table, and the same as a series
// to a chart.
func addColumn(
	t *report.Table, chart *report.Chart, name, help string, taps []string, of func(tap string) report.Cell,
) {
	t.Columns = append(t.Columns, report.Column{Name: name, Help: help, Digits: 4})
	s := report.Series{Name: name}
	for i, tap := range taps {
		if len(t.Rows) == i {
			t.Rows = append(t.Rows, []report.Cell{report.Text(tap)})
		}
		cell := of(tap)
		t.Rows[i] = append(t.Rows[i], cell)
		push(&s, cell)
	}
	chart.Series = append(chart.Series, s)
}

// addIntervals is addColumn with the mean over pairs and its interval.
func addIntervals(
	t *report.Table, chart *report.Chart, name, help string, taps []string, of func(tap string) []float64,
) {
	addColumn(t, chart, name, help, taps, func(tap string) report.Cell { return Interval(of(tap)) })
}
