package study

import (
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/run"
)

// side is one encoder of a pair: the set that it was trained on and the other was
// not, the set of which the reverse holds, and the sign that turns a score, which is
// positive for f, to it.
type side struct {
	which        string
	seen, unseen string
	sign         float64
}

var sides = []side{{run.F, memorize.Candidate, memorize.Independent, 1}, {run.G, memorize.Independent, memorize.Candidate, -1}}

// turned returns scores turned to the encoder.
func (s side) turned(scores []float64) []float64 {
	out := make([]float64, len(scores))
	for i, v := range scores {
		out[i] = s.sign * v
	}
	return out
}

// beyondUnseen is a quantity of an encoder on images that it saw minus the same on
// images that only the other one saw, mean over the two encoders of a pair. Each set
// is once the seen and once the unseen one, so what is odd about its images, and the
// same in all pairs, cancels; an interval over pairs would not cover it.
func beyondUnseen(of func(s side, set string) (float64, error)) (float64, error) {
	sum := 0.0
	for _, s := range sides {
		seen, err := of(s, s.seen)
		if err != nil {
			return 0, err
		}
		unseen, err := of(s, s.unseen)
		if err != nil {
			return 0, err
		}
		sum += (seen - unseen) / float64(len(sides))
	}
	return sum, nil
}

// unitsOn returns UnitMem of the units of one encoder in a tap on a set.
func unitsOn(t *memorize.Tables, s side, tap, set string) []memorize.UnitScore {
	all := t.Units
	if s.which == run.G {
		all = t.UnitsG
	}
	var out []memorize.UnitScore
	for _, u := range all {
		if u.Tap == tap && u.Set == set {
			out = append(out, u)
		}
	}
	return out
}
