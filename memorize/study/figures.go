package study

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/internal/figure"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
)

// setNames are the sets as figures and tables name them.
var setNames = map[string]string{memorize.Candidate: "candidates", memorize.Shared: "shared",
	memorize.Independent: "independents", memorize.External: "external"}

// figureNames are the figures of a run, each as SVG and PNG.
var figureNames = []string{"layermem", "unitmem", "training"}

// figureFiles returns the paths of all figures in a folder.
func figureFiles(dir string) []string {
	var out []string
	for _, n := range figureNames {
		out = append(out, filepath.Join(dir, n+".svg"), filepath.Join(dir, n+".png"))
	}
	return out
}

// drawFigures writes the figures of a run into a folder.
func drawFigures(r *recipe.Recipe, t *Tables, s *Summary, log *Log, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the figures: %w", err)
	}
	pages := map[string]*figure.Page{
		"layermem": layerMemFigure(r, s), "unitmem": unitMemFigure(r, t, s), "training": trainingFigure(r, log),
	}
	for _, name := range figureNames {
		for _, ext := range []string{".svg", ".png"} {
			if err := pages[name].Save(filepath.Join(dir, name+ext)); err != nil {
				return fmt.Errorf("drawing: %w", err)
			}
		}
	}
	return nil
}

func layerMemFigure(r *recipe.Recipe, s *Summary) *figure.Page {
	var taps []string
	series := make([]figure.Series, len(s.Sets))
	controlled := figure.Series{Name: "(C - I) / 2"}
	for _, t := range s.Taps {
		taps = append(taps, t.Tap)
		for i, set := range s.Sets {
			series[i].Name = setNames[set]
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
	note := fmt.Sprintf("%s\nestimator %s, distance %s, %s of %d views", r.Describe(), s.Estimator, s.Distance, r.Score.Mode, r.Score.Views)
	return figure.LayerMem("LayerMem by depth: "+r.RunName(), note, taps, series, controlled, s.Level)
}

// unitMemFigure shows the taps whose UnitMem lies in [0, 1] on both sets, or all
// if there is none: elsewhere negative activations scatter it over all numbers.
func unitMemFigure(r *recipe.Recipe, t *Tables, s *Summary) *figure.Page {
	sets := []string{memorize.Candidate, memorize.External}
	sets = slices.DeleteFunc(sets, func(set string) bool { return !slices.Contains(s.Sets, set) })
	var all, inside []string
	for _, tap := range s.Taps {
		all = append(all, tap.Tap)
		if !slices.ContainsFunc(sets, func(set string) bool { return !bounded(t.units(tap.Tap, set)) }) {
			inside = append(inside, tap.Tap)
		}
	}
	note := fmt.Sprintf("%s\nunits of f, %s of the other points, %d views", r.Describe(), r.Score.Rest, r.Score.Views)
	if len(inside) == 0 {
		inside = all
	} else if len(inside) < len(all) {
		note += "; without taps that have negative activations"
	}
	dists := make([]figure.Distribution, len(sets))
	for i, set := range sets {
		dists[i].Name = setNames[set]
		for _, tap := range inside {
			dists[i].Quantiles = append(dists[i].Quantiles, quantiles(t.units(tap, set)))
		}
	}
	return figure.UnitMem("UnitMem by layer: "+r.RunName(), note, inside, dists)
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

func trainingFigure(r *recipe.Recipe, log *Log) *figure.Page {
	var curves []figure.Curve
	chance := math.NaN()
	for _, name := range []string{F, G} {
		c := figure.Curve{Name: name}
		for _, rec := range log.Records(name) {
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
