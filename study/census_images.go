package study

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
)

const (
	textOnePairImages = `One pair cannot tell an image that is memorized from one that is odd.`
	textImages        = `An image's own memorization is half of its mean score as a candidate minus half of its
		mean score as an independent, after the mean of each pair is taken away. With few pairs its standard
		error is itself uncertain, so variances are drawn towards a common one (empirical Bayes, Smyth 2004).`
	noteSurest = `By T, an image's memorization in units of its standard error. Below each image: its index, its
		class, its memorization ± one standard error.`
	noteRanks = `The band is one standard error to either side. Ranks alone spread values: compare the slope
		with the band.`
)

// censusImages shows the images that are most and least surely memorized, with the
// standard errors of their memorization, and returns the table of all images as data.
func (x *crossedPairs) censusImages(all []tapCensus, last string) (report.Section, []report.Table, error) {
	out := report.Section{Title: "Images"}
	if len(x.scores) < 2 {
		out.Text = []string{textOnePairImages}
		return out, nil, nil
	}
	l, err := run.OpenLab(x.pairs[0].Recipe)
	if err != nil {
		return out, nil, err
	}
	out.Text = []string{prose(textImages)}
	sure := report.Gallery{
		Name: "surest", Title: "Most and least surely memorized images", Note: prose(noteSurest),
	}
	for _, tap := range galleryTaps(x.Taps(), last) {
		sure.Rows = append(sure.Rows, x.surest(all[x.position[tap]], l.Train)...)
	}
	if len(sure.Rows) > 0 {
		out.Galleries = []report.Gallery{sure}
	}
	if chart := rankChart(all[x.position[last]]); chart != nil {
		out.Charts = []report.Chart{*chart}
	}
	return out, []report.Table{x.imageTable(all)}, nil
}

// galleryTaps are the taps whose images are shown: up to four behind a ReLU, evenly
// spaced, the last one among them.
func galleryTaps(taps []string, last string) []string {
	var relu []string
	for _, t := range taps {
		if behindReLU(t) {
			relu = append(relu, t)
		}
	}
	if len(relu) < 4 {
		return []string{last}
	}
	n := len(relu) - 1
	return []string{relu[n/4], relu[n/2], relu[n*3/4], last}
}

// surest are the rows of the most and the least surely memorized images in a tap. There
// are none without standard errors.
func (x *crossedPairs) surest(c tapCensus, images data.Dataset) []report.GalleryRow {
	scores := c.images.Scores
	if len(scores) == 0 || math.IsNaN(scores[0].SE) {
		return nil
	}
	var t []float64
	for _, s := range scores {
		t = append(t, s.T)
	}
	n := min(8, len(t)/2) // what fits a line
	var out []report.GalleryRow
	for _, row := range []struct {
		label  string
		places []int
	}{{c.tap + ", most", stats.Top(t, n)}, {c.tap + ", least", stats.Least(t, n)}} {
		r := report.GalleryRow{Label: row.label}
		for _, k := range row.places {
			point := x.universe[k]
			caption := fmt.Sprintf("%s %.3f ± %.3f", page.Described(images, point), scores[k].Value, scores[k].SE)
			if t, ok := page.Thumb(images, point, caption); ok {
				r.Images = append(r.Images, t)
			}
		}
		if len(r.Images) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// rankChart draws the memorization of every image in a tap by rank, with one standard
// error to either side. If there are many images it draws some, evenly spaced. It is nil
// without standard errors.
func rankChart(c tapCensus) *report.Chart {
	const most = 200
	scores := c.images.Scores
	if len(scores) == 0 || math.IsNaN(scores[0].SE) {
		return nil
	}
	var values []float64
	for _, s := range scores {
		values = append(values, s.Value)
	}
	s := report.Series{Name: "images"}
	order := stats.Top(values, len(values))
	for k := range min(most, len(order)) {
		rank := k
		if len(order) > most {
			rank = k * (len(order) - 1) / (most - 1)
		}
		one := scores[order[rank]]
		s.X = append(s.X, float64(rank+1))
		push(&s, report.Between(one.Value, one.Value-one.SE, one.Value+one.SE))
	}
	return &report.Chart{
		Name: "ranks", Title: "Memorization of single images in " + c.tap, Kind: report.Line,
		X: "rank of the image", Y: "memorization", Series: []report.Series{s},
		Reference: []report.Reference{{Name: "none", Y: 0}}, Note: prose(noteRanks),
	}
}

// imageTable holds every image's memorization in every tap.
func (x *crossedPairs) imageTable(all []tapCensus) report.Table {
	t := report.Table{
		Name: "images", Title: "Every image's own memorization",
		Columns: []report.Column{
			{Name: "tap"}, {Name: "point"}, {Name: "memorization", Digits: 6},
			{Name: "se", Digits: 6}, {Name: "t", Digits: 3}, {Name: "p", Digits: 6},
		},
	}
	cell := func(v float64) report.Cell { return report.Cell{Value: report.Values([]float64{v})[0]} }
	for _, c := range all {
		for k, s := range c.images.Scores {
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(c.tap), report.Num(float64(x.universe[k])), cell(s.Value), cell(s.SE), cell(s.T), cell(s.P),
			})
		}
	}
	return t
}
