package page

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// ScoredPoint is a point with its score.
type ScoredPoint struct {
	Point int // index in its data set
	Score float64
}

// RankedCandidates returns the candidates in a tap by falling score. With independents
// the score is less what both sets have in common, the mean of their means, so
// that the mean over the candidates is the controlled score.
func RankedCandidates(t *memorize.Points, tap string, est memorize.Estimator) []ScoredPoint {
	c, i := t.Of(tap, memorize.Candidate), t.Of(tap, memorize.Independent)
	if c == nil {
		return nil
	}
	scores, common := est.Points(c.F, c.G), 0.
	if i != nil {
		common = (stat.Mean(scores, nil) + stat.Mean(est.Points(i.F, i.G), nil)) / 2
	}
	out := make([]ScoredPoint, len(scores))
	for k, v := range scores {
		out[k] = ScoredPoint{c.Points[k], v - common}
	}
	slices.SortStableFunc(out, func(a, b ScoredPoint) int { return cmp.Compare(b.Score, a.Score) })
	return out
}

// Thumb returns an image of a data set for a gallery; ok is false for one that cannot be shown.
func Thumb(d data.Dataset, i int, caption string) (t report.Thumb, ok bool) {
	h, w, c := d.Shape()
	if i < 0 || i >= d.Len() || c != 1 && c != 3 {
		return t, false
	}
	img, pixels := image.NewRGBA(image.Rect(0, 0, w, h)), d.Image(i)
	for y := range h {
		for x := range w {
			p := pixels[(y*w+x)*c:]
			// Of one channel, p[c/2] and p[c-1] are that channel too.
			img.SetRGBA(x, y, color.RGBA{R: p[0], G: p[c/2], B: p[c-1], A: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return t, false
	}
	return report.Thumb{PNG: b.Bytes(), Caption: caption}, true
}

// Described returns index and class of an image.
func Described(d data.Dataset, i int) string {
	s := fmt.Sprintf("#%d", i)
	if name := ClassName(d, i); name != "" {
		s += " " + name
	}
	if data.Atypical(d, i) {
		s += ", atypical"
	}
	return s
}

// images shows the most and least memorized images of some taps.
func (x *Page) images() *report.Section {
	out := &report.Section{Title: "Images", Text: []string{"The candidates that f has memorized most and least in some of the taps, by their controlled score: the score of Eq. 2 or its like, less the mean of those of candidates and independents. That shift is one number for each tap, so it leaves their order alone."}}
	if x.Train == nil {
		if x.NoData == "" {
			return nil
		}
		out.Text = []string{"No pictures: " + x.NoData + "."}
		return out
	}
	const many = 8
	g := report.Gallery{Name: "memorized", Title: "Most and least memorized images",
		Note: "Below each image: its index, its class, its score. Click to enlarge."}
	atypical := report.Table{Name: "atypical", Title: "Atypical images among the most memorized", Columns: []report.Column{
		{Name: "tap"}, {Name: "of the top tenth", Help: "Atypical images among the tenth of the candidates with the largest scores.", Digits: 0},
		{Name: "share", Help: "The same as a share.", Digits: 3}, {Name: "share of all", Help: "Atypical images among all candidates.", Digits: 3}}}
	for _, tap := range shownTaps(x.Tables, x.Summary) {
		ranked := RankedCandidates(x.points, tap, x.Summary.Estimator)
		if len(ranked) == 0 {
			continue
		}
		row := func(label string, points []ScoredPoint) {
			r := report.GalleryRow{Label: label}
			for _, p := range points {
				if t, ok := Thumb(x.Train, p.Point, fmt.Sprintf("%s %.3f", Described(x.Train, p.Point), p.Score)); ok {
					r.Images = append(r.Images, t)
				}
			}
			if len(r.Images) > 0 {
				g.Rows = append(g.Rows, r)
			}
		}
		n := min(many, len(ranked)/2)
		row(tap+", most", ranked[:n])
		least := slices.Clone(ranked[len(ranked)-n:])
		slices.Reverse(least)
		row(tap+", least", least)

		count := func(points []ScoredPoint) (n float64) {
			for _, p := range points {
				if data.Atypical(x.Train, p.Point) {
					n++
				}
			}
			return n
		}
		if all, top := count(ranked), max(1, len(ranked)/10); all > 0 {
			k := count(ranked[:top])
			atypical.Rows = append(atypical.Rows, []report.Cell{report.Text(tap), report.Num(k), report.Num(k / float64(top)), report.Num(all / float64(len(ranked)))})
		}
	}
	if len(g.Rows) == 0 {
		return nil
	}
	out.Galleries = []report.Gallery{g}
	if len(atypical.Rows) > 0 {
		out.Tables = []report.Table{atypical}
	}
	return out
}

// owners shows the units of the largest UnitMem with the images that they answer
// most to, on images that f was trained on and, to compare, on external ones.
func (x *Page) owners() *report.Section {
	const many = 10
	bounded := map[string]bool{}
	for _, t := range x.Summary.Taps {
		bounded[t.Tap] = t.UnitMem != nil
	}
	out := &report.Section{Title: "Owners of units"}
	table := report.Table{Name: "owners", Title: "Units of the largest UnitMem", Columns: []report.Column{
		{Name: "set", Help: "The images among which the owner was looked for."}, {Name: "rank"}, {Name: "tap"}, {Name: "unit"}, {Name: "UnitMem", Digits: 4},
		{Name: "owner", Help: "Index of the image that the unit answers most to."}, {Name: "class"},
		{Name: "largest", Help: "Mean activation for the owner, mu_max of Eq. 6.", Digits: 4}, {Name: "rest", Help: "That of the other images, mu_-max of Eq. 7.", Digits: 4}}}
	g := report.Gallery{Name: "owners", Title: "The images that own them", Note: "In the order of rank. Below each image: its index and class, and the tap and number of the unit that it owns."}
	for _, set := range []string{memorize.Candidate, memorize.External} {
		var all []memorize.RankedUnit
		for _, u := range x.Tables.Units {
			if u.Set == set && bounded[u.Tap] && u.Value >= 0 && u.Value <= 1 {
				all = append(all, memorize.RankedUnit{UnitScore: u, Bounded: true})
			}
		}
		top := memorize.TopUnits(all, many)
		if len(top) == 0 {
			continue
		}
		var d data.Dataset
		if x.Train != nil {
			if d = x.Train; set == memorize.External {
				d = x.Test
			}
		}
		row := report.GalleryRow{Label: setNames[set]}
		for i, u := range top {
			class := ""
			if d != nil && u.Point < d.Len() {
				class = ClassName(d, u.Point)
				if t, ok := Thumb(d, u.Point, fmt.Sprintf("%s, %s/%d", Described(d, u.Point), u.Tap, u.Unit)); ok {
					row.Images = append(row.Images, t)
				}
			}
			table.Rows = append(table.Rows, []report.Cell{report.Text(setNames[set]), report.Num(float64(i + 1)), report.Text(u.Tap), report.Num(float64(u.Unit)),
				report.Num(u.Value), report.Num(float64(u.Point)), report.Text(class), report.Num(u.Max), report.Num(u.Rest)})
		}
		if len(row.Images) > 0 {
			g.Rows = append(g.Rows, row)
		}
		images := map[string]string{memorize.Candidate: "candidates", memorize.External: "external images"}[set]
		of := memorize.OwnersOf(memorize.TopUnits(all, max(1, len(all)/10)))
		out.Text = append(out.Text, fmt.Sprintf("On the %s, the tenth of the units with the largest UnitMem (%d units) is owned by %d images; image %d owns %d of them.",
			images, of.Units, of.Distinct, of.MostBy, of.Most))
	}
	if len(table.Rows) == 0 {
		return nil
	}
	if len(g.Rows) > 0 {
		out.Galleries = []report.Gallery{g}
	}
	out.Tables = []report.Table{table}
	return out
}

// allTaps is the table of everything by tap.
func (x *Page) allTaps() *report.Section {
	s := x.Summary
	between := func(v *memorize.Stat) report.Cell {
		if v == nil {
			return report.Cell{}
		}
		c := report.Num(v.Mean)
		if lo, hi := report.Values([]float64{v.Lo}), report.Values([]float64{v.Hi}); lo[0] != nil && hi[0] != nil {
			c.Lo, c.Hi = lo[0], hi[0]
		}
		return c
	}
	t := report.Table{Name: "taps", Title: "All taps", Columns: []report.Column{{Name: "tap"}, {Name: "depth", Help: "Place in forward order."}},
		Note: fmt.Sprintf("Estimator %s, distance %s. In brackets: %s. The tables in the folder scores have every estimator, distance, set and unit.", s.Estimator, s.Distance, x.levelText())}
	hasControl := len(s.Taps) > 0 && s.Taps[0].Controlled != nil
	beyond, above := s.Beyond(), s.Above()
	if hasControl {
		t.Columns = append(t.Columns, report.Column{Name: "controlled", Digits: 4, Help: "Half of candidates less independents: LayerMem without the bias of the pair."},
			report.Column{Name: "above 0", Help: "Whether the interval of the controlled score lies above 0; surely: also after Bonferroni's correction for the number of taps."})
	}
	for _, set := range s.Sets {
		t.Columns = append(t.Columns, report.Column{Name: setNames[set], Digits: 4, Help: "LayerMem (Eq. 3) of the set."})
	}
	t.Columns = append(t.Columns, report.Column{Name: "Delta", Digits: 4, Help: "LayerMem of the candidates less that of the tap before (Eq. 4)."})
	if x.Options.Units {
		t.Columns = append(t.Columns, report.Column{Name: "UnitMem", Digits: 3, Help: "Mean over the units of f on the candidates; nothing where activations may be negative."},
			report.Column{Name: "ClassMem", Digits: 3, Help: "Mean over the units of f on the classes of its training images."})
	}
	for _, row := range s.Taps {
		cells := []report.Cell{report.Text(row.Tap), report.Num(float64(row.Depth))}
		if hasControl {
			word := "no"
			if slices.Contains(beyond, row.Tap) {
				word = "surely"
			} else if slices.Contains(above, row.Tap) {
				word = "yes"
			}
			cells = append(cells, between(row.Controlled), report.Text(word))
		}
		for _, set := range s.Sets {
			cells = append(cells, report.Num(row.LayerMem[set].Mean))
		}
		cells = append(cells, between(row.Delta))
		if x.Options.Units {
			cells = append(cells, report.Cell{Value: row.UnitMem}, report.Cell{Value: row.ClassMem})
		}
		t.Rows = append(t.Rows, cells)
	}
	return &report.Section{Title: "All taps", Tables: []report.Table{t}}
}

// ClassName returns the name of the class of an image, "" if there is none.
func ClassName(d data.Dataset, i int) string {
	if l := d.Label(i); l >= 0 && l < len(d.Classes()) {
		return d.Classes()[l]
	}
	return ""
}
