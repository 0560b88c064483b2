package page

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/internal/figure"
	"github.com/locimem/locimem/memorize"
)

// setNames are the sets as figures and tables name them.
var setNames = map[string]string{memorize.Candidate: "candidates", memorize.Shared: "shared",
	memorize.Independent: "independents", memorize.External: "external"}

// figureNames are the figures of a run, each as SVG and PNG.
var figureNames = []string{"layermem", "unitmem", "training"}

// Figures returns the paths of all figures of a run in a folder.
func Figures(dir string) []string {
	var out []string
	for _, n := range figureNames {
		out = append(out, filepath.Join(dir, n+".svg"), filepath.Join(dir, n+".png"))
	}
	return out
}

// lines returns the note with another line below it.
func (x *Page) lines(line string) string {
	if x.Note == "" {
		return line
	}
	return x.Note + "\n" + line
}

// Draw writes the figures into a folder: those of the scores, and that of the
// training if it is known.
func (x *Page) Draw(dir string) error {
	pages := map[string]*figure.Page{"layermem": x.layerMemFigure()}
	if x.Options.Units {
		pages["unitmem"] = x.unitMemFigure()
	}
	if x.Records != nil {
		pages["training"] = x.trainingFigure()
	}
	return savePages(pages, dir)
}

func savePages(pages map[string]*figure.Page, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the figures: %w", err)
	}
	for name, page := range pages {
		for _, ext := range []string{".svg", ".png"} {
			if err := page.Save(filepath.Join(dir, name+ext)); err != nil {
				return fmt.Errorf("drawing: %w", err)
			}
		}
	}
	return nil
}

func (x *Page) layerMemFigure() *figure.Page {
	s := x.Summary
	var taps []string
	series := make([]figure.Series, len(s.Sets))
	controlled := figure.Series{Name: "(C - I) / 2"}
	for _, t := range s.Taps {
		taps = append(taps, t.Tap)
		for i, set := range s.Sets {
			series[i].Name, series[i].Look = setNames[set], 1+slices.Index(memorize.SetNames(), set)
			series[i].Mean = append(series[i].Mean, t.LayerMem[set].Mean)
		}
		c := t.Controlled
		if c == nil {
			c = &memorize.Stat{Mean: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
		}
		controlled.Mean = append(controlled.Mean, c.Mean)
		controlled.Lo = append(controlled.Lo, c.Lo)
		controlled.Hi = append(controlled.Hi, c.Hi)
	}
	note := x.lines(fmt.Sprintf("estimator %s, distance %s, %s of %d views",
		s.Estimator, s.Distance, x.Options.Mode, x.Options.Views))
	return figure.LayerMem("LayerMem by depth: "+x.Title, note, taps, series, controlled, s.Level)
}

// unitMemFigure shows the taps whose UnitMem lies in [0, 1] on both sets, or all
// if there is none: elsewhere negative activations scatter it over all numbers.
func (x *Page) unitMemFigure() *figure.Page {
	s, t := x.Summary, x.Tables
	sets := []string{memorize.Candidate, memorize.External}
	sets = slices.DeleteFunc(sets, func(set string) bool { return !slices.Contains(s.Sets, set) })
	var all, inside []string
	for _, tap := range s.Taps {
		all = append(all, tap.Tap)
		if !slices.ContainsFunc(sets, func(set string) bool { return !bounded(t.UnitMem(tap.Tap, set)) }) {
			inside = append(inside, tap.Tap)
		}
	}
	note := x.lines(fmt.Sprintf("units of f, %s of the other points, %d views", x.Options.Rest, x.Options.Views))
	if len(inside) == 0 {
		inside = all
	} else if len(inside) < len(all) {
		note += "; without taps that have negative activations"
	}
	dists := make([]figure.Distribution, len(sets))
	for i, set := range sets {
		dists[i].Name = setNames[set]
		for _, tap := range inside {
			dists[i].Quantiles = append(dists[i].Quantiles, quantiles(t.UnitMem(tap, set)))
		}
	}
	return figure.UnitMem("UnitMem by layer: "+x.Title, note, inside, dists)
}

// quantiles returns the 5th, 25th, 50th, 75th and 95th percentile, NaN without
// any value.
func quantiles(values []float64) (q [5]float64) {
	slices.Sort(values)
	for i, p := range []float64{.05, .25, .5, .75, .95} {
		q[i] = math.NaN()
		if len(values) > 0 {
			q[i] = stat.Quantile(p, stat.LinInterp, values, nil)
		}
	}
	return q
}

func (x *Page) trainingFigure() *figure.Page {
	r := x.Recipe
	var curves []figure.Curve
	chance := math.NaN()
	for _, side := range memorize.Sides {
		c := figure.Curve{Name: side.String()}
		for _, rec := range x.Records[side] {
			chance = rec.Chance
			c.Epoch, c.Loss = append(c.Epoch, float64(rec.Epoch)), append(c.Loss, rec.Loss)
			knn := math.NaN()
			if rec.KNN != nil {
				knn = *rec.KNN
			}
			c.KNN = append(c.KNN, knn)
		}
		curves = append(curves, c)
	}
	note := fmt.Sprintf("%s\nbatch %d, kNN with k %d, t %g", r.Describe(), r.Train.Batch, r.KNN.K, r.KNN.T)
	return figure.Training("Training: "+r.RunName(), note, curves, chance)
}
