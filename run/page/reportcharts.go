package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

const tapAxis = "tap, in forward order"

// shownTaps are about five taps, spread over the depth, that pictures and scatter
// plots are of: of those whose UnitMem lies in [0, 1], or of all if there are none.
func shownTaps(t *memorize.Tables, s *Summary) []string {
	var all, inside []string
	for _, tap := range s.Taps {
		if all = append(all, tap.Tap); tap.UnitMem != nil {
			inside = append(inside, tap.Tap)
		}
	}
	if len(inside) == 0 {
		inside = all
	}
	const most = 5
	if len(inside) <= most {
		return inside
	}
	var out []string
	for i := range most {
		out = append(out, inside[i*(len(inside)-1)/(most-1)])
	}
	return out
}

// statSeries is a series of means with their intervals.
type statSeries struct{ report.Series }

// add appends a mean, nil for one that is not there.
func (s *statSeries) add(v *memorize.Stat) {
	if v == nil {
		v = &memorize.Stat{Mean: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	}
	s.Y = append(s.Y, report.Values([]float64{v.Mean})...)
	s.Lo = append(s.Lo, report.Values([]float64{v.Lo})...)
	s.Hi = append(s.Hi, report.Values([]float64{v.Hi})...)
}

// levelText names the intervals.
func (x *Page) levelText() string {
	return fmt.Sprintf("%g %% intervals, over points and views of this one pair of encoders", 100*x.Summary.Level)
}

// layers shows LayerMem by depth, the controlled score and Delta.
func (x *Page) layers() *report.Section {
	s := x.Summary
	sets := make([]statSeries, len(s.Sets))
	controlled := statSeries{report.Series{Name: "controlled", Look: report.LookControlled}}
	delta := statSeries{report.Series{Name: "candidates"}}
	controlledDelta := statSeries{report.Series{Name: "controlled", Look: report.LookControlled}}
	deltas := map[string]*memorize.Stat{}
	for i, d := range x.Tables.Deltas {
		if d.Set == memorize.Controlled && d.Estimator == s.Estimator && d.Distance == s.Distance {
			deltas[d.Tap] = &x.Tables.Deltas[i].Stat
		}
	}
	var taps []string
	for _, t := range s.Taps {
		taps = append(taps, t.Tap)
		for i, set := range s.Sets {
			sets[i].Name = setNames[set]
			stat := t.LayerMem[set]
			sets[i].add(&stat)
		}
		controlled.add(t.Controlled)
		delta.add(t.Delta)
		controlledDelta.add(deltas[t.Tap])
	}
	layerMem := report.Chart{Name: "layermem", Title: "LayerMem by depth", Kind: report.Line, X: tapAxis, Y: "LayerMem",
		Categories: taps,
		Reference:  []report.Reference{{Name: ""}},
		Note:       fmt.Sprintf("Estimator %s, distance %s. Bands: %s.", s.Estimator, s.Distance, x.levelText())}
	for _, series := range sets {
		layerMem.Series = append(layerMem.Series, series.Series)
	}
	out := &report.Section{Title: "Layers", Charts: []report.Chart{layerMem}}
	out.Text = []string{"LayerMem (Eq. 3) is the mean over images of how much closer together f puts the views of an " +
		"image than g does. Above 0, f knows the images better; below, g does. Where all four sets lie together, f and " +
		"g differ, and nothing more can be said."}
	steps := report.Chart{Name: "delta", Title: "Delta: what each tap adds", Kind: report.Bar, X: tapAxis,
		Y: "Delta LayerMem", Categories: taps,
		Series: []report.Series{delta.Series}, Note: "Difference to the tap immediately before (Eq. 4). Whiskers: " +
			x.levelText() + "."}
	if len(s.Taps) > 0 && s.Taps[0].Controlled != nil {
		out.Charts = append(out.Charts, report.Chart{Name: "controlled", Title: "Controlled LayerMem by depth",
			Kind: report.Line, X: tapAxis, Y: "(candidates - independents) / 2",
			Categories: taps, Series: []report.Series{controlled.Series},
			Reference: []report.Reference{{Name: "no memorization"}},
			Note: "Half of the difference of candidates and independents, in which what sets f and g apart on all " +
				"images cancels. Band: " + x.levelText() + "."})
		steps.Series = append(steps.Series, controlledDelta.Series)
	}
	if len(s.Taps) > 1 {
		out.Charts = append(out.Charts, steps)
	}
	return out
}

// units shows how UnitMem is spread over the units of each tap.
func (x *Page) units() *report.Section {
	sets := []string{memorize.Candidate, memorize.External}
	sets = slices.DeleteFunc(sets, func(set string) bool { return !slices.Contains(x.Summary.Sets, set) })
	var taps []string
	series := make([]report.Series, len(sets))
	for _, t := range x.Summary.Taps {
		if t.UnitMem == nil || slices.ContainsFunc(sets,
			func(set string) bool { return !bounded(x.Tables.UnitMem(t.Tap, set)) }) {
			continue
		}
		taps = append(taps, t.Tap)
		for i, set := range sets {
			q := quantiles(x.Tables.UnitMem(t.Tap, set))
			series[i].Name = setNames[set]
			series[i].Y = append(series[i].Y, report.Values([]float64{q[2]})...)
			series[i].Lo = append(series[i].Lo, report.Values([]float64{q[1]})...)
			series[i].Hi = append(series[i].Hi, report.Values([]float64{q[3]})...)
		}
	}
	if len(taps) == 0 {
		return nil
	}
	note := fmt.Sprintf("Units of f. Line: median over the units of a tap; band: the middle half of them. %d views, "+
		"against the %s of the other points.", x.Options.Views, x.Options.Rest)
	if len(taps) < len(x.Summary.Taps) {
		note += " Taps with negative activations are left out: there the formula gives any number."
	}
	return &report.Section{Title: "Units",
		Text: []string{"UnitMem (Eq. 8) says how far a unit answers to one image more than to all others. It is " +
			"selectivity: only a difference between images that f was trained on and external ones can be memorization. " +
			"Sets of different size are not comparable, since the largest of more values is larger."},
		Charts: []report.Chart{{Name: "unitmem", Title: "UnitMem by depth: members (candidates) against external images",
			Kind: report.Line, X: tapAxis, Y: "UnitMem", Categories: taps, Series: series, Note: note}},
	}
}

// classes sets UnitMem against ClassMem, unit by unit.
func (x *Page) classes() *report.Section {
	const most = 160 // units of a tap: more would hide each other
	byUnit := map[[2]any]float64{}
	for _, c := range x.Tables.Classes {
		byUnit[[2]any{c.Tap, c.Unit}] = c.Value
	}
	chart := report.Chart{Name: "classmem", Title: "ClassMem against UnitMem, unit by unit", Kind: report.Scatter,
		X: "UnitMem, on the candidates", Y: "ClassMem", Diagonal: true}
	thinned := ""
	for _, tap := range shownTaps(x.Tables, x.Summary) {
		i := slices.IndexFunc(x.Summary.Taps, func(t TapRow) bool { return t.Tap == tap })
		if x.Summary.Taps[i].ClassMem == nil || x.Summary.Taps[i].UnitMem == nil {
			continue
		}
		var units []memorize.UnitScore
		for _, u := range x.Tables.Units {
			if u.Tap == tap && u.Set == memorize.Candidate {
				units = append(units, u)
			}
		}
		s := report.Series{Name: tap}
		step := (len(units) + most - 1) / most
		for k := 0; k < len(units); k += step {
			class, ok := byUnit[[2]any{tap, units[k].Unit}]
			if !ok {
				continue
			}
			s.X = append(s.X, units[k].Value)
			s.Y = append(s.Y, &class)
			s.Labels = append(s.Labels, fmt.Sprintf("%s, unit %d", tap, units[k].Unit))
		}
		if step > 1 {
			thinned = fmt.Sprintf(" Of taps with more than %d units some are shown, evenly spaced.", most)
		}
		if len(s.X) > 0 {
			chart.Series = append(chart.Series, s)
		}
	}
	if len(chart.Series) == 0 {
		return nil
	}
	chart.Note = "Units of f. ClassMem over the classes of its training images." + thinned
	return &report.Section{Title: "Classes", Charts: []report.Chart{chart},
		Text: []string{"ClassMem (Eq. 13 to 16) is UnitMem with classes in the place of images. A unit below the " +
			"diagonal tells images apart rather than classes; for encoders trained without labels the paper finds nearly " +
			"all of them there."}}
}

// training shows loss and accuracy over the epochs.
func (x *Page) training() *report.Section {
	if x.Records == nil {
		return nil
	}
	loss := report.Chart{Name: "loss", Title: "Training loss", Kind: report.Line, X: "epoch", Y: "loss"}
	knn := report.Chart{Name: "knn", Title: "Accuracy of nearest neighbours during training", Kind: report.Line,
		X: "epoch", Y: "kNN accuracy"}
	chance := 0.
	var warnings []string
	for _, side := range memorize.Sides {
		l, k := report.Series{Name: side.String()}, report.Series{Name: side.String()}
		for _, rec := range x.Records[side] {
			chance = rec.Chance
			l.X = append(l.X, float64(rec.Epoch))
			l.Y = append(l.Y, report.Values([]float64{rec.Loss})...)
			if rec.KNN != nil {
				k.X, k.Y = append(k.X, float64(rec.Epoch)), append(k.Y, rec.KNN)
			}
			if rec.Warning != "" {
				warnings = append(warnings, fmt.Sprintf("%s, epoch %d: %s", side, rec.Epoch, rec.Warning))
			}
		}
		if len(l.X) > 0 {
			loss.Series = append(loss.Series, l)
		}
		if len(k.X) > 0 {
			knn.Series = append(knn.Series, k)
		}
	}
	if len(loss.Series) == 0 {
		return nil
	}
	if chance > 0 {
		loss.Reference = []report.Reference{{Name: fmt.Sprintf("chance, %.2f", chance), Y: chance}}
		loss.Note = "Chance: the loss of a network that tells nothing apart."
	}
	out := &report.Section{Title: "Training", Charts: []report.Chart{loss}}
	if len(knn.Series) > 0 {
		if x.Recipe != nil {
			knn.Note = fmt.Sprintf("k %d, t %g.", x.Recipe.KNN.K, x.Recipe.KNN.T)
		}
		if x.Train != nil {
			if n := len(x.Train.Classes()); n > 1 {
				knn.Reference = []report.Reference{{Name: fmt.Sprintf("1 of %d classes", n), Y: 1 / float64(n)}}
			}
		}
		out.Charts = append(out.Charts, knn)
	}
	if len(warnings) > 0 {
		const some = 3
		text := strings.Join(warnings[:min(some, len(warnings))], "; ")
		if more := len(warnings) - some; more > 0 {
			text += fmt.Sprintf("; and %d more in log.jsonl", more)
		}
		out.Text = []string{"Warnings: " + text + "."}
	}
	return out
}
