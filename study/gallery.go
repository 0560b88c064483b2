package study

// Which images are memorized most and least in every layer (Figure 13), and do several seeds
// choose the same? It also shows the owners of top units.

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
)

// The claim is that of consistency.seeds.
var claimGallery = Claim{
	ID:        "gallery.same",
	Source:    "F13, T28",
	Statement: "Encoders of other seeds would show the same images.",
	Paper:     "overlap of the top 100 from 69 % to 90 % (T28)",
	Rule:      "That of consistency.seeds: " + claimSeeds.Rule,
	Number:    claimSeeds.Number,
}

const (
	leadGallery = `The images are those with the largest and the smallest scores, mean over the pairs. Where
		bias of the pairs and noise decide the choice, it shows which images are spread by views, not which are
		remembered.`
	noteGallery = `By their score in the layer, mean over pairs, which is below each image with index and class.`
	noteOwners  = `The images for which the units of largest UnitMem stand out, in a pool of candidates and the
		same number of images that f was not trained on: first pair. Below each image its index, class, UnitMem
		and whether f was trained on it.`
)

// galleryMost is the largest number of images in a row, as in Figure 13.
const galleryMost = 10

var gallery = Register(Study{
	Name:   "gallery",
	Source: "F13",
	Title:  "Images that are memorized most",
	Place:  200,
	Design: func(plan *Planner) Writer {
		own := plan.TrainPairs()
		ranked := plan.rankUnits(own.f())
		return func(x *Reader) (*report.Document, error) {
			r, err := x.Results(own)
			if err != nil {
				return nil, err
			}
			found, err := x.unitsFound(ranked)
			if err != nil {
				return nil, err
			}
			return writeGallery(r, found[0])
		}
	},
})

// meanScores returns the score of every point of a set in a tap, mean over pairs: all have
// the same points.
func meanScores(all []scores, tap, set string) []float64 {
	out := make([]float64, len(all[0].of(tap, set)))
	for _, p := range all {
		for k, v := range p.of(tap, set) {
			out[k] += v / float64(len(all))
		}
	}
	return out
}

func writeGallery(r *Results, units []tapUnits) (*report.Document, error) {
	convs, err := r.Convolutions()
	if err != nil {
		return nil, err
	}
	l, err := run.OpenLab(r.pairs[0].Recipe)
	if err != nil {
		return nil, err
	}
	d := &report.Document{
		Lead: []string{r.trained() + " " + prose(leadGallery)},
		Sections: []report.Section{
			{Title: "Memorized images", Galleries: r.extremeImages(convs, l.Train)},
			{Title: "Owners of units", Galleries: []report.Gallery{ownersGallery(units, l)}},
		},
	}
	if len(r.scores) > 1 {
		_, claim, err := r.judgeSeeds(claimGallery, convs)
		if err != nil {
			return nil, err
		}
		d.Claims = []report.Claim{claim}
	}
	return d, nil
}

// galleryRow shows some images with captions.
func galleryRow(label string, images data.Dataset, points []int, caption func(k int) string) report.GalleryRow {
	out := report.GalleryRow{Label: label}
	for k, p := range points {
		if t, ok := page.Thumb(images, p, page.Described(images, p)+caption(k)); ok {
			out.Images = append(out.Images, t)
		}
	}
	return out
}

// extremeImages shows the most and the least memorized candidates of each convolution.
func (r *Results) extremeImages(convs []string, images data.Dataset) []report.Gallery {
	most := report.Gallery{Name: "most", Title: "Most memorized candidates", Note: prose(noteGallery)}
	least := report.Gallery{Name: "least", Title: "Least memorized candidates", Note: prose(noteGallery)}
	for _, tap := range convs {
		values, points := meanScores(r.scores, tap, memorize.Candidate), r.scores[0].Of(tap, memorize.Candidate).Points
		n := min(galleryMost, len(values)/2)
		row := func(chosen []int) report.GalleryRow {
			var own []int
			for _, k := range chosen {
				own = append(own, points[k])
			}
			return galleryRow(tap, images, own, func(k int) string { return fmt.Sprintf(" %.3f", values[chosen[k]]) })
		}
		most.Rows = append(most.Rows, row(stats.Top(values, n)))
		least.Rows = append(least.Rows, row(stats.Least(values, n)))
	}
	return []report.Gallery{most, least}
}

// ownersGallery shows the owners of the top units of an encoder f.
func ownersGallery(units []tapUnits, l *run.Lab) report.Gallery {
	out := report.Gallery{Name: "owners", Title: "Owners of top units", Note: prose(noteOwners)}
	for _, t := range unitTaps(units) {
		n := min(galleryMost, t.Ranked)
		out.Rows = append(out.Rows, galleryRow(t.Tap, l.Train, t.Owners[:n], func(k int) string {
			role := "not trained on"
			if slices.Contains(l.Split.Candidate, t.Owners[k]) {
				role = "trained on"
			}
			return fmt.Sprintf(" %.3f, %s", t.Values[k], role)
		}))
	}
	return out
}
