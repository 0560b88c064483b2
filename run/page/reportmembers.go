package page

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// separation returns the row of a tap by the shown estimator and distance, nil if there
// is none.
func (x *Page) separation(tap string, by memorize.Distance) *memorize.Separation {
	for i, r := range x.separations {
		if r.Tap == tap && r.Distance == by && r.Estimator == x.Summary.Estimator {
			return &x.separations[i]
		}
	}
	return nil
}

// members shows how well the scores tell candidates from independents, tap by tap.
func (x *Page) members() *report.Section {
	area := report.Series{Name: "AUC", Look: report.LookControlled}
	var taps []string
	var p []float64
	var rows []*memorize.Separation
	for _, t := range x.Summary.Taps {
		r := x.separation(t.Tap, x.Summary.Distance)
		if r == nil {
			continue
		}
		taps, rows, p = append(taps, t.Tap), append(rows, r), append(p, r.PNormal)
		area.Y = append(area.Y, report.Values([]float64{r.AUC})...)
		area.Lo = append(area.Lo, report.Values([]float64{r.Lo})...)
		area.Hi = append(area.Hi, report.Values([]float64{r.Hi})...)
	}
	if len(rows) == 0 {
		return nil
	}
	corrected, err := stats.Holm(p)
	if err != nil { // a p value that is no number: the tables were edited
		return nil
	}
	table := report.Table{Name: "members", Title: "Candidates told from independents",
		Note: fmt.Sprintf("Estimator %s, distance %s.", x.Summary.Estimator, x.Summary.Distance),
		Columns: []report.Column{{Name: "tap"}, {Name: "AUC", Digits: 3, Help: "Probability that a candidate scores above an independent; 0.5 is chance. In brackets DeLong's interval over images."},
			{Name: "found at 1 %", Digits: 3, Help: "Share of the candidates found while 1 % of the independents are taken for candidates."},
			{Name: "p", Digits: 4, Help: "Two-sided, by other draws of the two sets; exact where the sets were drawn at random."},
			{Name: "p, Holm", Digits: 4, Help: "The same by the normal approximation, corrected for the number of taps."}}}
	for i, r := range rows {
		table.Rows = append(table.Rows, []report.Cell{report.Text(r.Tap), report.Between(r.AUC, r.Lo, r.Hi), report.Num(r.TPR1), report.Num(r.P), report.Num(corrected[i])})
	}
	return &report.Section{Title: "Members told from non-members",
		Text: []string{"Which of these images f was trained on, and which g, was decided by drawing lots. If the encoders carry no information about the draw, other draws give scores as large as this one as often as not. The p value counts them."},
		Charts: []report.Chart{{Name: "auc", Title: "Candidates told from independents, by depth", Kind: report.Line, X: tapAxis, Y: "AUC", Categories: taps,
			Series: []report.Series{area}, Reference: []report.Reference{{Name: "chance", Y: 0.5}}}},
		Tables: []report.Table{table}}
}

// distances shows the controlled score by all distances that were scored; nil where
// there is one.
func (x *Page) distances() *report.Section {
	all := x.Options.Distances
	if len(all) < 2 {
		return nil
	}
	var taps []string
	for _, t := range x.Summary.Taps {
		taps = append(taps, t.Tap)
	}
	chart := report.Chart{Name: "distances", Title: "Controlled LayerMem by distance", Kind: report.Line, X: tapAxis, Y: "(candidates - independents) / 2",
		Categories: taps, Reference: []report.Reference{{Name: "no memorization"}}, Note: "Bands: " + x.levelText() + "."}
	table := report.Table{Name: "distances", Title: chart.Title, Note: fmt.Sprintf("Estimator %s. In brackets: %s.", x.Summary.Estimator, x.levelText()),
		Columns: []report.Column{{Name: "tap"}}}
	rows := make([][]report.Cell, len(taps))
	for i, tap := range taps {
		rows[i] = []report.Cell{report.Text(tap)}
	}
	for _, by := range all {
		series := statSeries{report.Series{Name: string(by)}}
		for i, tap := range taps {
			k := slices.IndexFunc(x.Tables.Layers, func(l memorize.LayerScore) bool {
				return l.Tap == tap && l.Set == memorize.Controlled && l.Estimator == x.Summary.Estimator && l.Distance == by
			})
			if k < 0 { // without candidates or independents
				return nil
			}
			v := x.Tables.Layers[k].Stat
			series.add(&v)
			area := report.Cell{}
			if r := x.separation(tap, by); r != nil {
				area = report.Num(r.AUC)
			}
			rows[i] = append(rows[i], report.Cell{Value: series.Y[i], Lo: series.Lo[i], Hi: series.Hi[i]}, area)
		}
		chart.Series = append(chart.Series, series.Series)
		table.Columns = append(table.Columns, report.Column{Name: string(by), Digits: 4}, report.Column{Name: "AUC, " + string(by), Digits: 3})
	}
	table.Rows = rows
	return &report.Section{Title: "By distance", Charts: []report.Chart{chart}, Tables: []report.Table{table},
		Text: []string{"Raw l2 and l1 see the length of activations, in which two encoders differ for reasons that have nothing to do with memorization. Unit-l2, cosine and angular compare directions."}}
}
