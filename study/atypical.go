package study

// Are atypical images memorized more than typical ones? The paper claims it in words.

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

// claimAtypical is the claim by one criterion, {by}, which says which images are atypical
// and which typical, {definition}.
var claimAtypical = Claim{
	ID:        "{id}",
	Source:    "claimed in words",
	Statement: "Atypical images are memorized more than typical ones ({by}).",
	Rule: `Atypical: {definition}. The number is the controlled score of the atypical images minus that of the
		typical ones, mean of the last three convolutions, one for each pair; plain: the same for LayerMem of
		the candidates.`,
	Number: "controlled score of atypical minus typical images, mean of the last three convolutions",
}

// neighbours is the number of images that an image is compared with for disagreement.
const neighbours = 10

// criterion is one way to tell atypical images from typical ones.
type criterion struct {
	by         memorize.Criterion
	id         string // of its claim
	definition string // which images are atypical, and which typical
	share      int    // each end takes at most one image in this many
}

// For synthetic images it is known which are atypical. For others pixels decide, not an
// encoder: the images that an encoder calls atypical are also those that it aligns badly.
var (
	markedCriteria = []criterion{{
		by: memorize.ByMark, id: "atypical.more", share: 2,
		definition: `marked as unlike their class when the images were generated, against the others`,
	}}
	measuredCriteria = []criterion{{
		by: memorize.ByDistance, id: "atypical.more", share: 3,
		definition: `the third that is farthest from the mean of its class in pixels, relative to the mean distance in
			that class, against the third that is nearest`,
	}, {
		by: memorize.ByNeighbours, id: "atypical.disagreement", share: 3,
		definition: fmt.Sprintf(`the third with the most images of other classes among its %d nearest in pixels,
			against the third with the fewest`, neighbours),
	}}
)

const (
	leadAtypical = `LayerMem of the candidates alone also holds what f and g do differently to any atypical image. The
		controlled score, half of candidates minus independents, does not.`
	textBothCriteria = `%.0f %% of these atypical images are also atypical by %s; chance gives %.0f %%. The two
		claims are about the same encoders, so they are not independent tests.`
	textEnds = `%d atypical images against %d typical ones. The largest class makes up %.0f %% of the atypical ones.`
)

var atypicalColumns = []report.Column{
	{Name: "tap"},
	{Name: "atypical", Help: halfDifference, Digits: 4},
	{Name: "typical", Help: halfDifference, Digits: 4},
	{Name: "difference", Digits: 4},
	{Name: "difference, LayerMem", Help: "of the candidates alone, without the control", Digits: 4},
}

var atypical = Register(Study{
	Name:   "atypical",
	Source: "ours; claimed in words",
	Title:  "Atypical against typical images",
	Place:  50,
	Design: func(plan *Planner) Writer { return reportOn(plan.TrainPairs(), writeAtypical) },
})

// ends are the images among candidates and independents that a criterion calls typical
// and atypical.
type ends struct {
	criterion
	typical, atypical []int
	// largest is the share of the largest class among the atypical images: a criterion can
	// prefer some classes.
	largest float64
}

// ends returns the images of every criterion that the data have.
func (r *Results) ends() ([]ends, error) {
	l, err := run.OpenLab(r.pairs[0].Recipe)
	if err != nil {
		return nil, err
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.pairs[0].Recipe.Train.Threads})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	points := slices.Concat(l.Split.Candidate, l.Split.Independent)
	set := memorize.Images{Set: memorize.Set{Name: "candidates and independents", Points: points}, Data: l.Train}
	t, err := memorize.NewTypicality(e, probe.Pixels(e, l.Train, points, l.Augment), set, neighbours,
		probe.Disagreement)
	if err != nil {
		return nil, err
	}
	criteria := measuredCriteria
	if slices.Contains(t.Marked, true) {
		criteria = markedCriteria
	}
	var out []ends
	for _, c := range criteria {
		n := ends{criterion: c}
		n.definition = prose(c.definition)
		if n.typical, n.atypical, err = t.Split(c.by, len(points)/c.share); err != nil {
			return nil, err
		}
		n.largest = largestShare(probe.Labels(l.Train, n.atypical))
		out = append(out, n)
	}
	return out, nil
}

// largestShare is the share of the most frequent label.
func largestShare(labels []int) float64 {
	counts, most := map[int]int{}, 0
	for _, l := range labels {
		counts[l]++
		most = max(most, counts[l])
	}
	return float64(most) / float64(len(labels))
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
			return nil, fmt.Errorf("set %s: found none of the %d typical or atypical images, expected some", set, len(images))
		}
		out = append(out, stat.Mean(of, nil))
	}
	return out, nil
}

// scoresOf returns LayerMem of those images that are candidates, and their controlled
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
	return plain, half(minus(plain, other)), nil
}

func writeAtypical(r *Results) (*report.Document, error) {
	convs, err := r.Convolutions()
	if err != nil {
		return nil, err
	}
	all, err := r.ends()
	if err != nil {
		return nil, err
	}
	d := &report.Document{Lead: []string{r.trained() + " " + prose(leadAtypical)}}
	for i, n := range all {
		claim, section, err := r.contrast(convs, n)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			section.Text = append(section.Text, prosef(textBothCriteria,
				100*commonPoints(n.atypical, all[0].atypical), all[0].by, 100/float64(all[0].share)))
		}
		d.Lead = append(d.Lead, fmt.Sprintf("Atypical (%s): %s. In numbers: %s.", n.by, n.definition, claim.Why))
		d.Claims, d.Sections = append(d.Claims, claim), append(d.Sections, section)
	}
	return d, nil
}

// commonPoints is the share of the points a that are also in b.
func commonPoints(a, b []int) float64 {
	both := 0
	for _, p := range a {
		if slices.Contains(b, p) {
			both++
		}
	}
	return float64(both) / float64(len(a))
}

// contrast compares the two ends of a criterion.
func (r *Results) contrast(convs []string, n ends) (report.Claim, report.Section, error) {
	name := fmt.Sprintf("atypical-%s", n.by)
	table := report.Table{
		Name: name, Title: "The controlled score of atypical and of typical images",
		Note: fmt.Sprintf("Atypical: %s. %s", n.definition, r.intervals()), Columns: atypicalColumns,
	}
	a, b := report.Series{Name: "atypical"}, report.Series{Name: "typical"}
	gaps, plainGaps := map[string][]float64{}, map[string][]float64{}
	for _, tap := range r.Taps() {
		plainAt, at, err := scoresOf(r.scores, tap, n.atypical)
		if err != nil {
			return report.Claim{}, report.Section{}, err
		}
		plainTy, ty, err := scoresOf(r.scores, tap, n.typical)
		if err != nil {
			return report.Claim{}, report.Section{}, err
		}
		gaps[tap], plainGaps[tap] = minus(at, ty), minus(plainAt, plainTy)
		row := []report.Cell{report.Text(tap), Interval(at), Interval(ty), Interval(gaps[tap]), Interval(plainGaps[tap])}
		table.Rows = append(table.Rows, row)
		push(&a, row[1])
		push(&b, row[2])
	}
	claim := r.Judge(claimAtypical.fill("{id}", n.id, "{by}", string(n.by), "{definition}", n.definition),
		LastThree(convs, func(tap string) []float64 { return plainGaps[tap] }),
		LastThree(convs, func(tap string) []float64 { return gaps[tap] }))
	chart := report.Chart{
		Name: name, Title: "Controlled score by depth", Kind: report.Line, X: "tap", Y: halfDifference,
		Categories: r.Taps(), Series: []report.Series{a, b}, Reference: zero,
	}
	return claim, report.Section{
		Title:  fmt.Sprintf("By depth (%s)", n.by),
		Text:   []string{prosef(textEnds, len(n.atypical), len(n.typical), 100*n.largest)},
		Tables: []report.Table{table}, Charts: []report.Chart{chart},
	}, nil
}
