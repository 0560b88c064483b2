package study

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/tensor"
)

// atypical asks whether atypical images are memorized more than typical ones, a
// claim that the paper makes in words. It takes the encoders of study depth.
var atypical = Study{Name: "atypical", Source: "ours; claimed in words", Title: "Atypical against typical images",
	plan: func(l *lab) writer { return written(l.pairs(), writeAtypical) }}

// neighbours is how many others an image is compared with for disagreement.
const neighbours = 10

// criterion is one way to tell atypical images from typical ones.
type criterion struct {
	by    memorize.Criterion
	id    string // of its claim
	is    string // which images are atypical and which typical, in words
	share int    // each end takes at most one image of so many
}

// Of synthetic images it is known which are atypical. Of others pixels decide, so
// that no encoder has a say in it: those that an encoder sees as atypical are also
// those that it aligns badly.
var (
	marked   = []criterion{{memorize.ByMark, "atypical.more", "marked as unlike their class when the images were made, against the others", 2}}
	measured = []criterion{
		{memorize.ByDistance, "atypical.more", "the third that is farthest from the mean of its class in pixels, as a share of the mean distance in that class, against the third that is nearest", 3},
		{memorize.ByNeighbours, "atypical.disagreement", fmt.Sprintf("the third with most images of other classes among its %d nearest in pixels, against the third with fewest", neighbours), 3},
	}
)

// ends are the images among candidates and independents that a criterion calls
// typical and atypical.
type ends struct {
	criterion
	typical, atypical []int
	// largest is the share of the largest class among the atypical images: a
	// criterion can prefer some classes.
	largest float64
}

// ends returns the images of every criterion that there is for the data.
func (r *results) ends() ([]ends, error) {
	l, err := run.OpenLab(r.pairs[0].recipe)
	if err != nil {
		return nil, err
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.pairs[0].recipe.Train.Threads})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	points := slices.Concat(l.Split.Candidate, l.Split.Independent)
	set := memorize.Images{Set: memorize.Set{Name: "candidates and independents", Points: points}, Data: l.Train}
	t, err := memorize.NewTypicality(e, probe.Pixels(e, l.Train, points, l.Augment), set, neighbours)
	if err != nil {
		return nil, err
	}
	criteria := measured
	if slices.Contains(t.Marked, true) {
		criteria = marked
	}
	var out []ends
	for _, c := range criteria {
		n := ends{criterion: c}
		if n.typical, n.atypical, err = t.Split(c.by, len(points)/c.share); err != nil {
			return nil, err
		}
		counts := map[int]int{}
		for _, label := range probe.Labels(l.Train, n.atypical) {
			counts[label]++
			n.largest = max(n.largest, float64(counts[label])/float64(len(n.atypical)))
		}
		out = append(out, n)
	}
	return out, nil
}

// meanOf is the mean score of those images that are in a set, pair by pair.
func meanOf(all []scores, tap, set string, images []int) ([]float64, error) {
	wanted := map[int]bool{}
	for _, i := range images {
		wanted[i] = true
	}
	var out []float64
	for _, p := range all {
		var of []float64
		for k, v := range p.of(tap, set) {
			if wanted[p.Of(tap, set).Points[k]] {
				of = append(of, v)
			}
		}
		if len(of) == 0 {
			return nil, fmt.Errorf("found none of the %d images of one kind in set %s, expected some of typical and of atypical ones", len(images), set)
		}
		out = append(out, stat.Mean(of, nil))
	}
	return out, nil
}

// scoresOf are LayerMem of those images that are candidates, and their controlled
// score, pair by pair.
func scoresOf(all []scores, tap string, images []int) (plain, own []float64, err error) {
	plain, err = meanOf(all, tap, memorize.Candidate, images)
	if err != nil {
		return nil, nil, err
	}
	other, err := meanOf(all, tap, memorize.Independent, images)
	if err != nil {
		return nil, nil, err
	}
	own = minus(plain, other)
	for i := range own {
		own[i] /= 2
	}
	return plain, own, nil
}

func writeAtypical(r *results) (*report.Document, error) {
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	all, err := r.ends()
	if err != nil {
		return nil, err
	}
	d := &report.Document{Lead: []string{r.trained() + " LayerMem of the candidates alone also holds what f and g do differently to any atypical image; the controlled score, half of candidates minus independents, does not."}}
	for i, n := range all {
		claim, section, err := r.contrast(convs, n)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			both := 0
			for _, p := range n.atypical {
				if slices.Contains(all[0].atypical, p) {
					both++
				}
			}
			section.Text = append(section.Text, fmt.Sprintf("Of these atypical images %.0f %% are also atypical by %s; chance gives %.0f %%. The two claims are about the same encoders, so they are not independent tests.",
				100*float64(both)/float64(len(n.atypical)), all[0].by, 100/float64(all[0].share)))
		}
		d.Lead = append(d.Lead, fmt.Sprintf("Atypical (%s): %s. In numbers: %s.", n.by, n.is, claim.Why))
		d.Claims, d.Sections = append(d.Claims, claim), append(d.Sections, section)
	}
	return d, nil
}

// contrast compares the two ends of a criterion.
func (r *results) contrast(convs []string, n ends) (report.Claim, report.Section, error) {
	name := fmt.Sprintf("atypical-%s", n.by)
	table := report.Table{Name: name, Title: "The controlled score of atypical and of typical images",
		Note: fmt.Sprintf("Atypical: %s. %s", n.is, r.intervals()),
		Columns: []report.Column{{Name: "tap"}, {Name: "atypical", Help: "half of S_C minus S_I", Digits: 4}, {Name: "typical", Help: "half of S_C minus S_I", Digits: 4}, {Name: "difference", Digits: 4},
			{Name: "difference, LayerMem", Help: "of the candidates alone, without the control", Digits: 4}}}
	a, b := report.Series{Name: "atypical"}, report.Series{Name: "typical"}
	gaps, plainGaps := map[string][]float64{}, map[string][]float64{}
	for _, tap := range r.taps() {
		plainAt, at, err := scoresOf(r.scores, tap, n.atypical)
		if err != nil {
			return report.Claim{}, report.Section{}, err
		}
		plainTy, ty, err := scoresOf(r.scores, tap, n.typical)
		if err != nil {
			return report.Claim{}, report.Section{}, err
		}
		gaps[tap], plainGaps[tap] = minus(at, ty), minus(plainAt, plainTy)
		row := []report.Cell{report.Text(tap), interval(at), interval(ty), interval(gaps[tap]), interval(plainGaps[tap])}
		table.Rows = append(table.Rows, row)
		push(&a, row[1])
		push(&b, row[2])
	}
	claim := r.judge(report.Claim{ID: n.id, Source: "claimed in words", Statement: fmt.Sprintf("Atypical images are memorized more than typical ones (%s).", n.by),
		Plain: intervalOf(deep(convs, func(tap string) []float64 { return plainGaps[tap] })),
		Rule:  fmt.Sprintf("Atypical: %s. The number is the controlled score of the atypical images minus that of the typical ones, mean of the last three convolutions, one for each pair (plain: the same of LayerMem of the candidates).", n.is)},
		"controlled score of atypical minus typical images, mean of the last three convolutions", deep(convs, func(tap string) []float64 { return gaps[tap] }))
	return claim, report.Section{Title: fmt.Sprintf("By depth (%s)", n.by),
		Text:   []string{fmt.Sprintf("%d atypical images against %d typical ones. The largest class makes up %.0f %% of the atypical ones.", len(n.atypical), len(n.typical), 100*n.largest)},
		Tables: []report.Table{table}, Charts: []report.Chart{{Name: name, Title: "Controlled score by depth", Kind: report.Line,
			X: "tap", Y: "half of S_C minus S_I", Categories: r.taps(), Series: []report.Series{a, b}, Reference: []report.Reference{{Y: 0}}}}}, nil
}
