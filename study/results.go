package study

import (
	"fmt"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// results are the scores of a group of pairs.
type results struct {
	*reader
	by       memorize.Distance
	pairs    []pair
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

// profile is a quantity of the i-th pair in some taps.
func (r *results) profile(i int, taps []string, of func(all []scores, tap string) []float64) []float64 {
	return each(taps, func(tap string) float64 { return of(r.scores[i:i+1], tap)[0] })
}

// controlled returns half of candidates minus independents, pair by pair.
func controlled(all []scores, tap string) []float64 {
	out := minus(layerMem(all, tap), over(all, tap, memorize.Independent))
	for i := range out {
		out[i] /= 2
	}
	return out
}

func minus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

// taps returns the taps that were scored, in forward order.
func (r *results) taps() []string { return r.scores[0].Taps }

// lastReLU is the last tap behind a ReLU, "" if there is none.
func (r *results) lastReLU() string {
	last := ""
	for _, t := range r.taps() {
		if behindReLU(t) {
			last = t
		}
	}
	return last
}

// convolutions returns the taps that are convolutions, the layers of the paper's
// tables.
func (r *results) convolutions() ([]string, error) {
	var out []string
	for _, t := range r.taps() {
		if strings.HasPrefix(t[strings.LastIndex(t, ".")+1:], "conv") { // of a ResNet-18 layer1.0.conv1
			out = append(out, t)
		}
	}
	if len(out) < 6 {
		return nil, fmt.Errorf("found the convolutions %v among the taps that were scored, expected at least 6", out)
	}
	return out, nil
}

// blocks returns the taps that are the outputs of a transformer's blocks.
func (r *results) blocks() ([]string, error) {
	var out []string
	for _, t := range r.taps() {
		if strings.HasPrefix(t, "blocks.") && strings.Count(t, ".") == 1 {
			out = append(out, t)
		}
	}
	if len(out) < 6 {
		return nil, fmt.Errorf("found the blocks %v among the taps that were scored, expected at least 6", out)
	}
	return out, nil
}

// trained says in a sentence what was trained and scored.
func (r *results) trained() string {
	return fmt.Sprintf("%d pairs of encoders (%s) were trained on the same split with other seeds, and scored.", len(r.pairs), r.pairs[0].recipe.Describe())
}

// intervals is the note of tables over pairs.
func (r *results) intervals() string { return fmt.Sprintf("%s Eq. 2, %s.", r.overPairs(), r.by) }

// overPairs is intervals without the distance.
func (r *results) overPairs() string {
	return fmt.Sprintf("Means over %d pairs of encoders with 95 %% intervals of Student's t over pairs; with one pair there are none.", len(r.pairs))
}

// push appends a cell to a series.
func push(s *report.Series, c report.Cell) {
	s.Y = append(s.Y, c.Value)
	if c.Lo != nil {
		s.Lo, s.Hi = append(s.Lo, c.Lo), append(s.Hi, c.Hi)
	}
}
