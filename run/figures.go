package run

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
	"github.com/locimem/locimem/report"
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

// caption is what figures of scores say about where they come from.
type caption struct {
	title   string // after "LayerMem by depth: " and the like
	note    string // a line of its own, "": none
	options memorize.Options
}

// lines returns the note with another line below it.
func (c *caption) lines(line string) string {
	if c.note == "" {
		return line
	}
	return c.note + "\n" + line
}

// drawFigures writes the figures of a run into a folder.
func drawFigures(r *recipe.Recipe, t *memorize.Tables, s *Summary, log *Log, dir string) error {
	pages := scoreFigures(caption{r.RunName(), r.Describe(), r.ScoreOptions()}, t, s)
	pages["training"] = trainingFigure(r, log)
	return savePages(pages, dir)
}

// scoreFigures are those figures that need scores only.
func scoreFigures(c caption, t *memorize.Tables, s *Summary) map[string]*figure.Page {
	pages := map[string]*figure.Page{"layermem": layerMemFigure(&c, s)}
	if c.options.Units {
		pages["unitmem"] = unitMemFigure(&c, t, s)
	}
	return pages
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

// present reads the tables in a folder back, draws their figures beside them, in
// the folder figures, writes their report and returns the summary. l gives the
// report its pictures, nil where there are none.
func present(dir string, c caption, l *Lab) (*Summary, error) {
	x, err := readFindings(dir, c)
	if err != nil {
		return nil, err
	}
	if x.lab = l; l != nil && !l.Foreign {
		x.recipe = l.Recipe
	}
	if err := savePages(scoreFigures(c, x.tables, x.summary), filepath.Join(dir, "figures")); err != nil {
		return nil, err
	}
	return x.summary, report.WriteHTML(filepath.Join(dir, reportHTML), *x.document())
}

func layerMemFigure(cap *caption, s *Summary) *figure.Page {
	var taps []string
	series := make([]figure.Series, len(s.Sets))
	controlled := figure.Series{Name: "(C - I) / 2"}
	for _, t := range s.Taps {
		taps = append(taps, t.Tap)
		for i, set := range s.Sets {
			series[i].Name, series[i].Look = setNames[set], 1+slices.Index(setKeys, set)
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
	note := cap.lines(fmt.Sprintf("estimator %s, distance %s, %s of %d views", s.Estimator, s.Distance, cap.options.Mode, cap.options.Views))
	return figure.LayerMem("LayerMem by depth: "+cap.title, note, taps, series, controlled, s.Level)
}

// unitMemFigure shows the taps whose UnitMem lies in [0, 1] on both sets, or all
// if there is none: elsewhere negative activations scatter it over all numbers.
func unitMemFigure(c *caption, t *memorize.Tables, s *Summary) *figure.Page {
	sets := []string{memorize.Candidate, memorize.External}
	sets = slices.DeleteFunc(sets, func(set string) bool { return !slices.Contains(s.Sets, set) })
	var all, inside []string
	for _, tap := range s.Taps {
		all = append(all, tap.Tap)
		if !slices.ContainsFunc(sets, func(set string) bool { return !bounded(t.UnitMem(tap.Tap, set)) }) {
			inside = append(inside, tap.Tap)
		}
	}
	note := c.lines(fmt.Sprintf("units of f, %s of the other points, %d views", c.options.Rest, c.options.Views))
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
	return figure.UnitMem("UnitMem by layer: "+c.title, note, inside, dists)
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
