package study

import (
	"fmt"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
)

// galleryMost is how many images a row of the gallery shows, as Figure 13 does.
const galleryMost = 10

// gallery shows the most and the least memorized images of every layer (Figure 13) and
// the owners of top units, and asks whether several seeds choose the same images.
var gallery = Study{Name: "gallery", Source: "F13", Title: "Images that are memorized most", plan: func(l *lab) writer {
	own := l.pairs()
	ranked := l.units(own.f())
	return func(x *reader) (*report.Document, error) {
		r, err := x.results(own)
		if err != nil {
			return nil, err
		}
		found, err := x.unitsFound(ranked)
		if err != nil {
			return nil, err
		}
		return writeGallery(r, found[0])
	}
}}

// meanScores returns the score of every point of a set in a tap, mean over pairs: all
// have the same points.
func meanScores(all []scores, tap, set string) []float64 {
	out := make([]float64, len(all[0].of(tap, set)))
	for _, p := range all {
		for k, v := range p.of(tap, set) {
			out[k] += v / float64(len(all))
		}
	}
	return out
}

func writeGallery(r *results, units []tapUnits) (*report.Document, error) {
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	l, err := run.OpenLab(r.pairs[0].recipe)
	if err != nil {
		return nil, err
	}
	row := func(label string, points []int, caption func(k int) string) report.GalleryRow {
		out := report.GalleryRow{Label: label}
		for k, p := range points {
			if t, ok := page.Thumb(l.Train, p, page.Described(l.Train, p)+caption(k)); ok {
				out.Images = append(out.Images, t)
			}
		}
		return out
	}
	most := report.Gallery{Name: "most", Title: "Most memorized candidates", Note: "By their score in the layer, mean over pairs, which is below each image with index and class."}
	least := report.Gallery{Name: "least", Title: "Least memorized candidates", Note: most.Note}
	for _, tap := range convs {
		values, points := meanScores(r.scores, tap, memorize.Candidate), r.scores[0].Of(tap, memorize.Candidate).Points
		n := min(galleryMost, len(values)/2)
		add := func(g *report.Gallery, chosen []int) {
			var images []int
			for _, k := range chosen {
				images = append(images, points[k])
			}
			g.Rows = append(g.Rows, row(tap, images, func(k int) string { return fmt.Sprintf(" %.3f", values[chosen[k]]) }))
		}
		add(&most, stats.Top(values, n))
		add(&least, stats.Least(values, n))
	}
	owners := report.Gallery{Name: "owners", Title: "Owners of top units", Note: "The images for which the units of largest UnitMem stand out, in a pool of candidates and as many images that f never saw: first pair. Below each image its index, class, UnitMem and whether f saw it."}
	seen := map[int]bool{}
	for _, p := range l.Split.Candidate {
		seen[p] = true
	}
	for _, t := range unitTaps(units) {
		n := min(galleryMost, t.Ranked)
		owners.Rows = append(owners.Rows, row(t.Tap, t.Owners[:n], func(k int) string {
			if seen[t.Owners[k]] {
				return fmt.Sprintf(" %.3f, seen", t.Values[k])
			}
			return fmt.Sprintf(" %.3f, never seen", t.Values[k])
		}))
	}
	d := &report.Document{
		Lead:     []string{r.trained() + " The images are those with the largest and the least scores, mean over the pairs. Where the choice is mostly the pairs' bias and noise, it shows which images are spread by views, not which are remembered."},
		Sections: []report.Section{{Title: "Memorized images", Galleries: []report.Gallery{most, least}}, {Title: "Owners of units", Galleries: []report.Gallery{owners}}},
	}
	if len(r.scores) > 1 {
		_, own, err := r.overlapOfSeeds(convs)
		if err != nil {
			return nil, err
		}
		beyond, err := r.seedsBeyondUnseen(convs)
		if err != nil {
			return nil, err
		}
		d.Claims = []report.Claim{r.judge(report.Claim{ID: "gallery.same", Source: "F13, T28", Statement: "Encoders of other seeds would show the same images.", Plain: intervalOf(own), Paper: "overlap of the top 100 from 69 % to 90 % (T28)",
			Rule: "That of consistency.seeds: " + ruleSeeds}, seedsNumber, beyond)}
	}
	return d, nil
}
