package memorize

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// convTaps are the convolutions of ResNets, those of shortcuts left out.
var convTaps = []string{"conv*", "*.conv*"}

// DeltasAmong returns Delta of the taps that match the patterns, each against the
// one before it among them, and not the tap immediately before: with the
// convolutions alone it is the Delta of the paper's Table 18, whose Table 1 has
// the other. (The outcome of its swaps of layers fits this one.) Intervals are
// made as those of Deltas. It returns an error for a pattern that matches none.
func (s *Scores) DeltasAmong(e *tensor.Engine, patterns []string) ([]DeltaScore, error) {
	taps, err := s.selectTaps(patterns)
	if err != nil {
		return nil, err
	}
	points := make([][]alignments, len(s.points))
	for set := range points {
		for _, t := range taps {
			points[set] = append(points[set], s.points[set][s.place(t.Name)])
		}
	}
	o := s.Provenance.Options
	_, deltas := layerScores(e, &o, taps, s.sets, points)
	return deltas, nil
}

// selectTaps returns the scored taps that match the patterns, all without any.
func (s *Scores) selectTaps(patterns []string) ([]Tap, error) {
	if len(patterns) == 0 {
		return s.Provenance.Taps, nil
	}
	var all []nn.TapInfo
	for _, t := range s.Provenance.Taps {
		all = append(all, nn.TapInfo{Name: t.Name, Depth: t.Depth})
	}
	chosen, err := nn.SelectTaps(all, patterns)
	if err != nil {
		return nil, fmt.Errorf("taps: %w", err)
	}
	var out []Tap
	for _, t := range chosen {
		out = append(out, Tap{t.Name, t.Depth})
	}
	return out, nil
}

// convDeltas is DeltasAmong the convolutions, nil where fewer than two were scored.
func (s *Scores) convDeltas(e *tensor.Engine) []DeltaScore {
	var found []string
	for _, p := range convTaps {
		if _, err := s.selectTaps([]string{p}); err == nil {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil
	}
	deltas, err := s.DeltasAmong(e, found)
	if err != nil {
		panic(err) // the patterns match
	}
	return deltas
}

func notScored(set string, dist Distance) error {
	return fmt.Errorf("set %s by distance %s was not scored", set, dist)
}
