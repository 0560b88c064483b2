package study

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// points asks whether units stand out for memorized points (Tables 11 and 12). To
// choose points by their score and to measure units on the same activations is partly
// circular, so both are done with images too that the encoder never saw.
var points = Study{Name: "points", Source: "T11, T12", Title: "Units on memorized and on other points", plan: func(l *lab) writer {
	own := l.pairs()
	var steps []*graph.Step
	for _, p := range own.pairs {
		steps = append(steps, pointUnits.Step(fmt.Sprintf("units on the most and least memorized points, %s, seed %d", describe(p.recipe), p.recipe.Seed), pointing{withRecipe(p.recipe), l.distance()}, p.f, p.g, p.score))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writePoints(x, own, steps) }
}}

// pointing are the parameters of a pointunits step. Its needs train f and g and score
// the pair.
type pointing struct {
	byRecipe
	Distance memorize.Distance `json:"distance"` // of the scores that points are chosen by
}

// Identity implements graph.Identifier.
func (p pointing) Identity() string {
	return p.hash() + " " + string(p.Distance)
}

// pointsFound is the mean UnitMem of the tenth of the units of largest UnitMem behind
// a convolution of an encoder, over the points of a set that have the largest and the
// least scores there, turned to that encoder.
type pointsFound struct {
	Layer   string  `json:"layer"`
	Encoder string  `json:"encoder"`
	Set     string  `json:"set"` // candidate or independent
	K       int     `json:"k"`   // points
	Most    float64 `json:"most"`
	Least   float64 `json:"least"`
	// T is Welch's t of the units' values, as Table 11 has it; 0 if all are equal.
	T float64 `json:"t"`
}

// pointUnits measures units on chosen points; its result is a []pointsFound, by
// convolution in forward order.
var pointUnits = define("pointunits", 2, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p pointing) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	g, err := o.loaded(w.Need(1, "run", run.G+".safetensors"))
	if err != nil {
		return err
	}
	encoders := map[string]nn.Encoder{run.F: o.encoder, run.G: g}
	read, err := memorize.ReadPoints(w.Need(2, "scores"), p.Distance)
	if err != nil {
		return err
	}
	layers := convLayers(o.encoder)
	var out []pointsFound
	bar := reporterOf(ctx).Bar("points", "layers", len(layers), 0)
	for i, layer := range layers {
		for _, s := range sides {
			for _, set := range []string{s.seen, s.unseen} {
				found, err := o.unitsOnExtremes(ctx, encoders[s.which], scores{read}, s, layer, set)
				if err != nil {
					return err
				}
				out = append(out, found)
			}
		}
		bar.Set(i + 1)
	}
	bar.Finish("%d layers", len(layers))
	return w.Result(out)
}, func(r *recipe.Recipe, p pointing) graph.Effort {
	views := 8 * poolViews(r) // half of the pool, for either encoder and eight layers
	return graph.Effort{Key: "pointunits " + speedOf(r), Amount: views, Trial: func(ctx context.Context) (float64, error) {
		l, err := run.OpenLab(r)
		if err != nil {
			return 0, err
		}
		enc, err := l.Encoder(run.F)
		if err != nil {
			return 0, err
		}
		layers := convLayers(enc)
		one := *r
		one.Score.Taps = []string{perturb.OutputTap(enc, layers[len(layers)-1])} // one at a time
		return unitsTrial(ctx, &one)
	}}
})

// unitsOnExtremes measures the units behind a layer on the quarter of a set's points of
// the largest scores and on that of the least.
func (o *opened) unitsOnExtremes(ctx context.Context, enc nn.Encoder, read scores, s side, layer, set string) (pointsFound, error) {
	found := pointsFound{Layer: layer, Encoder: s.which, Set: set,
		K: min(len(read.of(layer, memorize.Candidate)), len(read.of(layer, memorize.Independent))) / 4} // UnitMem grows with the number of points
	values := s.turned(read.of(layer, set))
	options := o.lab.Recipe.ScoreOptions()
	options.Taps = []string{perturb.OutputTap(enc, layer)}
	var top [2][]float64
	for i, chosen := range [][]int{stats.Top(values, found.K), stats.Least(values, found.K)} {
		few := memorize.Images{Set: memorize.Set{Name: set}, Data: o.lab.Train}
		for _, k := range chosen {
			few.Points = append(few.Points, read.Of(layer, set).Points[k])
		}
		units, err := memorize.ScoreUnits(ctx, o.engine, enc, few, o.lab.ScoreViews, options, 1, nil)
		if err != nil {
			return found, err
		}
		ranked := memorize.TopUnits(units, len(units))
		for _, u := range ranked[:min(len(ranked), max(2, memorize.TopCount(len(ranked))))] { // of one there is no t
			top[i] = append(top[i], u.Value)
		}
	}
	if len(top[0]) == 0 || len(top[1]) == 0 {
		return found, fmt.Errorf("%s of %s: found no unit behind it that answers to the chosen points of set %s", layer, s.which, set)
	}
	found.Most, found.Least = stat.Mean(top[0], nil), stat.Mean(top[1], nil)
	if t, err := stats.Welch(top[0], top[1], level); err == nil {
		found.T = t.T
	}
	return found, nil
}

func writePoints(x *reader, own *group, steps []*graph.Step) (*report.Document, error) {
	all, err := resultsOf[[]pointsFound](x, steps)
	if err != nil {
		return nil, err
	}
	var layers []string
	for _, f := range all[0] {
		if !slices.Contains(layers, f.Layer) {
			layers = append(layers, f.Layer)
		}
	}
	find := func(i int, layer string, s side, set string) pointsFound {
		return all[i][slices.IndexFunc(all[i], func(f pointsFound) bool { return f.Layer == layer && f.Encoder == s.which && f.Set == set })]
	}
	t := report.Table{Name: "points", Title: "UnitMem of the top tenth of the units, on a quarter of the points", Note: "Means over pairs with 95 % intervals, UnitMem cut at 0 and 1; of f but for the last column. Welch's t is that of the units in the first pair, as in the paper, which takes units for independent.",
		Columns: []report.Column{{Name: "layer"}, {Name: "most memorized", Help: "candidates of the largest scores", Digits: 3}, {Name: "least memorized", Help: "candidates of the least scores", Digits: 3}, {Name: "t", Digits: 1},
			{Name: "never seen, largest", Help: "independents of the largest scores, which f never saw", Digits: 3}, {Name: "never seen, least", Digits: 3},
			{Name: "beyond never seen", Help: "most minus least, of seen minus never seen images, mean over f and g", Digits: 3}}}
	series := []report.Series{{Name: "most memorized"}, {Name: "least memorized"}, {Name: "never seen, largest"}, {Name: "never seen, least"}}
	plain, beyond := make([]float64, len(all)), make([]float64, len(all))
	for _, layer := range layers {
		row := []report.Cell{report.Text(layer)}
		for k, set := range []string{sides[0].seen, sides[0].unseen} {
			var most, least []float64
			for i := range all {
				f := find(i, layer, sides[0], set)
				most, least = append(most, f.Most), append(least, f.Least)
				if k == 0 {
					plain[i] += (f.Most - f.Least) / float64(len(layers))
				}
			}
			a, b := bounded(most), bounded(least)
			push(&series[2*k], a)
			push(&series[2*k+1], b)
			if row = append(row, a, b); k == 0 {
				row = append(row, report.Num(find(0, layer, sides[0], set).T))
			}
		}
		var here []float64
		for i := range all {
			gap, err := beyondUnseen(func(s side, set string) (float64, error) {
				f := find(i, layer, s, set)
				return f.Most - f.Least, nil
			})
			if err != nil {
				return nil, err
			}
			here = append(here, gap)
			beyond[i] += gap / float64(len(layers))
		}
		t.Rows = append(t.Rows, append(row, interval(here)))
	}
	r, err := x.results(own)
	if err != nil {
		return nil, err
	}
	owners, several, severalBeyond, err := r.owners()
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead: []string{fmt.Sprintf("In each convolution the quarter of the candidates with the largest scores and the quarter with the least (%d of each) were taken, and UnitMem of the units behind it was measured on either. Images that the encoder never saw show what such a choice gives without any memory: a point with an odd activation has an odd score.", all[0][0].K)},
		Claims: []report.Claim{
			x.judge(report.Claim{ID: "points.units", Source: "T11", Statement: "Units stand out more for memorized points, beyond what the choice of points gives.", Plain: intervalOf(plain),
				Paper: "UnitMem of the top tenth of the units from .50 to .52 on the most, from .23 to .25 on the least memorized points, t 64 to 66",
				Rule:  "UnitMem of the top tenth of the units on the quarter of a set with the largest scores, turned to the encoder, minus that on the quarter with the least, mean over the convolutions; the number is that of the set that the encoder was trained on minus that of the one that only the other saw, mean over f and g, one for each pair; plain: of f's candidates alone."},
				"most minus least memorized, seen minus unseen images", beyond),
			x.ownersClaim(several, severalBeyond),
		},
		Sections: []report.Section{
			{Title: "Units", Tables: []report.Table{t}, Charts: []report.Chart{{Name: "points", Title: t.Title, Kind: report.Line, X: "layer", Y: "UnitMem (Eq. 8)", Categories: layers, Series: series, Note: "Of f."}}},
			{Title: "Owners", Tables: []report.Table{owners}}},
	}, nil
}
