package experiments

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// atypical asks whether atypical images are memorized more than typical ones, a
// claim that the paper makes in words. It takes the encoders of study depth.
var atypical = Study{Name: "atypical", Source: "ours; claimed in words", Title: "Atypical against typical images",
	plan: func(l *lab) writer { return written(l.pairs(), writeAtypical) }}

// ends are the typical and the atypical images among candidates and independents.
// Synthetic images are marked when they are made. Of others it is the third that is
// nearest to the mean of its class and the third that is farthest, in pixels, so that
// no encoder has a say in it.
func (r *results) ends() (typical, atypical []int, by string, err error) {
	l, err := study.OpenLab(r.pairs[0].recipe)
	if err != nil {
		return nil, nil, "", err
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.pairs[0].recipe.Train.Threads})
	if err != nil {
		return nil, nil, "", err
	}
	defer e.Close()
	points := slices.Concat(l.Split.Candidate, l.Split.Independent)
	set := memorize.Images{Set: memorize.Set{Name: "candidates and independents", Points: points}, Data: l.Train}
	t, err := memorize.NewTypicality(e, ssl.Pixels(e, l.Train, points, l.Augment), set, 10)
	if err != nil {
		return nil, nil, "", err
	}
	if slices.Contains(t.Marked, true) {
		typical, atypical, err = t.Split(memorize.ByMark, len(points)/2)
		return typical, atypical, "marked when the images were made", err
	}
	typical, atypical, err = t.Split(memorize.ByDistance, len(points)/3)
	return typical, atypical, "the third that is farthest from the mean of its class in pixels, against the third that is nearest", err
}

// controlledOf is the controlled score of these images, pair by pair.
func controlledOf(all []scores, tap string, images []int) ([]float64, error) {
	var out []float64
	for _, p := range all {
		var means [2]float64
		for i, set := range []string{memorize.Candidate, memorize.Independent} {
			var of []float64
			for k, v := range p.of(tap, set) {
				if slices.Contains(images, p.Of(tap, set).Points[k]) {
					of = append(of, v)
				}
			}
			if len(of) == 0 {
				return nil, fmt.Errorf("found none of the %d images of one kind in set %s, expected some of typical and of atypical ones", len(images), set)
			}
			means[i] = stat.Mean(of, nil)
		}
		out = append(out, (means[0]-means[1])/2)
	}
	return out, nil
}

func writeAtypical(r *results) (*report.Document, error) {
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	typical, atypical, by, err := r.ends()
	if err != nil {
		return nil, err
	}
	table := report.Table{Name: "atypical", Title: "The controlled score of atypical and of typical images",
		Note:    fmt.Sprintf("Atypical: %s. %s", by, r.intervals()),
		Columns: []report.Column{{Name: "tap"}, {Name: "atypical", Digits: 4}, {Name: "typical", Digits: 4}, {Name: "difference", Digits: 4}}}
	a, b := report.Series{Name: "atypical"}, report.Series{Name: "typical"}
	last := convs[len(convs)-3:]
	gap := make([]float64, len(r.scores))
	for _, tap := range r.taps() {
		at, err := controlledOf(r.scores, tap, atypical)
		if err != nil {
			return nil, err
		}
		ty, err := controlledOf(r.scores, tap, typical)
		if err != nil {
			return nil, err
		}
		more := minus(at, ty)
		if slices.Contains(last, tap) {
			for i, v := range more {
				gap[i] += v / float64(len(last))
			}
		}
		row := []report.Cell{report.Text(tap), interval(at), interval(ty), interval(more)}
		table.Rows = append(table.Rows, row)
		push(&a, row[1])
		push(&b, row[2])
	}
	claim := r.judge(report.Claim{ID: "atypical.more", Source: "claimed in words", Statement: "Atypical images are memorized more than typical ones.",
		Rule: "The number is the controlled score of the atypical images minus that of the typical ones, mean of the last three convolutions, one for each pair."},
		"controlled score of atypical minus typical images, mean of the last three convolutions", gap)
	return &report.Document{
		Lead:   []string{fmt.Sprintf("%s Atypical: %s. In numbers: %s.", r.trained(), by, claim.Why)},
		Claims: []report.Claim{claim},
		Sections: []report.Section{{Title: "By depth", Tables: []report.Table{table}, Charts: []report.Chart{{Name: "atypical", Title: "Controlled score by depth", Kind: report.Line,
			X: "tap", Y: "half of S_C minus S_I", Categories: r.taps(), Series: []report.Series{a, b}, Reference: []report.Reference{{Y: 0}}}}}},
	}, nil
}
