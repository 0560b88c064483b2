package study

// Do units stand out for memorized points? (Tables 11 and 12) To choose points by their score
// and to measure units on the same activations is partly circular, so the same is done with
// images that the encoder was not trained on.

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

var claimPointUnits = Claim{
	ID:        "points.units",
	Source:    "T11",
	Statement: "Units stand out more for memorized points, beyond what the choice of points gives.",
	Paper: `UnitMem of the top tenth of the units from .50 to .52 on the most, from .23 to .25 on the least
		memorized points, t 64 to 66`,
	Rule: `UnitMem of the top tenth of the units on the quarter of a set with the largest scores, turned to the
		encoder, minus that on the quarter with the smallest, mean over the convolutions; the number is that for
		the set that the encoder was trained on minus that for the set that only the other was trained on, mean
		over f and g, one for each pair; plain: for f's candidates alone.`,
	Number: "most minus least memorized, members minus others",
}

const (
	leadPoints = `In each convolution the quarter of the candidates with the largest scores and the quarter with
		the smallest (%d of each) were taken, and UnitMem of the units behind it was measured on either. Images
		that the encoder was not trained on show what such a choice gives without any memory: a point with an
		odd activation has an odd score.`
	notePoints = `Means over pairs with 95 % intervals, UnitMem cut at 0 and 1; for f, except the last column.
		Welch's t is that of the units in the first pair, as in the paper, which takes units for independent.`
)

var pointsColumns = []report.Column{
	{Name: "layer"},
	{Name: "most memorized", Help: "candidates of the largest scores", Digits: 3},
	{Name: "least memorized", Help: "candidates of the smallest scores", Digits: 3},
	{Name: "t", Digits: 1},
	{Name: "others, largest", Help: "independents of the largest scores, which f was not trained on", Digits: 3},
	{Name: "others, smallest", Digits: 3},
	{Name: "members minus others", Help: "most minus least, mean over f and g", Digits: 3},
}

var points = Register(Study{
	Name:   "points",
	Source: "T11, T12",
	Title:  "Units on memorized and on other points",
	Place:  150,
	Design: func(plan *Planner) Writer {
		own := plan.TrainPairs()
		var steps []*graph.Step
		for _, p := range own.Pairs {
			steps = append(steps, pointUnits.Step("units on the most and least memorized points, "+describeSeed(p.Recipe),
				pointUnitsParams{withRecipe(p.Recipe), plan.distance()}, p.F, p.G, p.Score))
		}
		plan.Add(steps...)
		return func(x *Reader) (*report.Document, error) {
			found, err := resultsOf[[]extremeUnits](x, steps)
			if err != nil {
				return nil, err
			}
			r, err := x.Results(own)
			if err != nil {
				return nil, err
			}
			return writePoints(r, found)
		}
	},
})

// pointUnitsParams are the parameters of a pointunits step. It needs the training of f and g
// and the scores of the pair.
type pointUnitsParams struct {
	recipeParams
	Distance memorize.Distance `json:"distance"` // of the scores that points are chosen by
}

// Identity implements graph.Identifier.
func (p pointUnitsParams) Identity() string {
	return p.hash() + " " + string(p.Distance)
}

// extremeUnits is the mean UnitMem of the tenth of the units of largest UnitMem behind a
// convolution of an encoder, over the points of a set that have the largest and the smallest
// scores there, turned to that encoder.
type extremeUnits struct {
	Layer   string  `json:"layer"`
	Encoder string  `json:"encoder"`
	Set     string  `json:"set"` // candidate or independent
	K       int     `json:"k"`   // points
	Most    float64 `json:"most"`
	Least   float64 `json:"least"`
	// T is Welch's t of the units' values, as Table 11 has it; 0 if all are equal.
	T float64 `json:"t"`
}

// pointUnits measures units on chosen points. Its result is a []extremeUnits, by convolution
// in forward order.
var pointUnits = define("pointunits", 2, measurePoints, func(r *recipe.Recipe, _ pointUnitsParams) graph.Effort {
	views := 8 * poolViews(r) // half of the pool, for either encoder and eight layers
	return graph.Effort{Key: "pointunits " + speedOf(r), Amount: views,
		Measure: func(ctx context.Context) (float64, error) { return lastLayerSeconds(ctx, r) }}
})

// lastLayerSeconds returns the seconds per view of ranking the units behind the last
// convolution.
func lastLayerSeconds(ctx context.Context, r *recipe.Recipe) (float64, error) {
	l, err := run.Open(r)
	if err != nil {
		return 0, err
	}
	enc, err := l.Encoder(memorize.F)
	if err != nil {
		return 0, err
	}
	layers := convLayers(enc)
	one := *r
	one.Score.Taps = []string{perturb.OutputTap(enc, layers[len(layers)-1])}
	return unitsSeconds(ctx, &one)
}

func measurePoints(ctx context.Context, w *graph.Work, r *recipe.Recipe, p pointUnitsParams) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	g, err := o.load(w.Need(1, "run", memorize.G.String()+".safetensors"))
	if err != nil {
		return err
	}
	encoders := map[memorize.Side]nn.Encoder{memorize.F: o.encoder, memorize.G: g}
	read, err := memorize.ReadPoints(w.Need(2, "scores"), p.Distance)
	if err != nil {
		return err
	}
	layers := convLayers(o.encoder)
	var out []extremeUnits
	bar := reporterOf(ctx).Bar("points", "layers", len(layers), 0)
	for i, layer := range layers {
		for _, s := range memorize.Sides {
			for _, set := range []string{s.Members(), s.Others()} {
				found, err := o.unitsOnExtremes(ctx, encoders[s], scores{read}, s, layer, set)
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
}

// unitsOnExtremes measures the units behind a layer on the quarter of a set's points with the
// largest scores and on that with the smallest.
func (o *opened) unitsOnExtremes(
	ctx context.Context, enc nn.Encoder, read scores, s memorize.Side, layer, set string,
) (extremeUnits, error) {
	// UnitMem grows with the number of points, so both sets give the same number.
	k := read.fewest(layer, memorize.Candidate, memorize.Independent) / 4
	found := extremeUnits{Layer: layer, Encoder: s.String(), Set: set, K: k}
	values := s.Turned(read.of(layer, set))
	var top [2][]float64
	for i, chosen := range [][]int{stats.Top(values, k), stats.Least(values, k)} {
		var points []int
		for _, place := range chosen {
			points = append(points, read.Of(layer, set).Points[place])
		}
		var err error
		if top[i], err = o.topUnitMem(ctx, enc, layer, set, points); err != nil {
			return found, err
		}
	}
	if len(top[0]) == 0 || len(top[1]) == 0 {
		return found, fmt.Errorf("%s of %s: found no unit behind it that answers to the chosen points of set %s, "+
			"expected some", layer, s, set)
	}
	found.Most, found.Least = stat.Mean(top[0], nil), stat.Mean(top[1], nil)
	if t, err := stats.Welch(top[0], top[1], level); err == nil {
		found.T = t.T
	}
	return found, nil
}

// topUnitMem returns UnitMem on some points of the top tenth of the units behind a layer, at
// least two units.
func (o *opened) topUnitMem(ctx context.Context, enc nn.Encoder, layer, set string, points []int) ([]float64, error) {
	options := o.data.Recipe.ScoreOptions()
	options.Taps = []string{perturb.OutputTap(enc, layer)}
	images := memorize.Images{Set: memorize.Set{Name: set, Points: points}, Data: o.data.Train}
	units, err := memorize.ScoreUnits(ctx, o.engine, enc, images, o.data.ScoreViews, options, 1, nil)
	if err != nil {
		return nil, err
	}
	ranked := memorize.TopUnits(units, len(units))
	var out []float64
	for _, u := range ranked[:min(len(ranked), max(2, memorize.TopCount(len(ranked))))] { // one unit has no t
		out = append(out, u.Value)
	}
	return out, nil
}

// extremes are the results of all pairs.
type extremes [][]extremeUnits

// layers returns the convolutions in forward order.
func (e extremes) layers() []string {
	var out []string
	for _, f := range e[0] {
		if !slices.Contains(out, f.Layer) {
			out = append(out, f.Layer)
		}
	}
	return out
}

// find returns the units of one pair.
func (e extremes) find(pair int, layer string, s memorize.Side, set string) extremeUnits {
	return e[pair][slices.IndexFunc(e[pair], func(f extremeUnits) bool {
		return f.Layer == layer && f.Encoder == s.String() && f.Set == set
	})]
}

// mostMinusLeast is UnitMem on the most memorized candidates of f minus that on the least, in
// a layer, pair by pair.
func (e extremes) mostMinusLeast(layer string) []float64 {
	var out []float64
	for i := range e {
		f := e.find(i, layer, memorize.F, memorize.Candidate)
		out = append(out, f.Most-f.Least)
	}
	return out
}

// beyondOthers is the same for members minus others, mean over f and g.
func (e extremes) beyondOthers(layer string) ([]float64, error) {
	var out []float64
	for i := range e {
		gap, err := membersMinusOthers(func(s memorize.Side, set string) (float64, error) {
			f := e.find(i, layer, s, set)
			return f.Most - f.Least, nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, gap)
	}
	return out, nil
}

// judge judges the claim, from means over the convolutions.
func (e extremes) judge(x *Reader) (report.Claim, error) {
	layers := e.layers()
	plain, beyond := make([]float64, len(e)), make([]float64, len(e))
	for _, layer := range layers {
		own, err := e.beyondOthers(layer)
		if err != nil {
			return report.Claim{}, err
		}
		for i, v := range e.mostMinusLeast(layer) {
			plain[i] += v / float64(len(layers))
			beyond[i] += own[i] / float64(len(layers))
		}
	}
	return x.Judge(claimPointUnits, plain, beyond), nil
}

func writePoints(r *Results, found extremes) (*report.Document, error) {
	units, err := found.section()
	if err != nil {
		return nil, err
	}
	claim, err := found.judge(r.Reader)
	if err != nil {
		return nil, err
	}
	owners, err := r.owners()
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead:     []string{prosef(leadPoints, found[0][0].K)},
		Claims:   []report.Claim{claim, owners.judge(r.Reader)},
		Sections: []report.Section{units, {Title: "Owners", Tables: []report.Table{owners.table(r.lastReLU())}}},
	}, nil
}

// section is the table of the units by layer, with its chart.
func (e extremes) section() (report.Section, error) {
	t := report.Table{
		Name: "points", Title: "UnitMem of the top tenth of the units, on a quarter of the points",
		Note: prose(notePoints), Columns: pointsColumns,
	}
	series := []report.Series{
		{Name: "most memorized"}, {Name: "least memorized"}, {Name: "others, largest"}, {Name: "others, smallest"},
	}
	f := memorize.F
	for _, layer := range e.layers() {
		row := []report.Cell{report.Text(layer)}
		for k, set := range []string{f.Members(), f.Others()} {
			var most, least []float64
			for i := range e {
				found := e.find(i, layer, f, set)
				most, least = append(most, found.Most), append(least, found.Least)
			}
			a, b := bounded(most), bounded(least)
			push(&series[2*k], a)
			push(&series[2*k+1], b)
			if row = append(row, a, b); k == 0 {
				row = append(row, report.Num(e.find(0, layer, f, set).T))
			}
		}
		own, err := e.beyondOthers(layer)
		if err != nil {
			return report.Section{}, err
		}
		t.Rows = append(t.Rows, append(row, Interval(own)))
	}
	chart := report.Chart{
		Name: "points", Title: t.Title, Kind: report.Line, X: "layer", Y: "UnitMem (Eq. 8)",
		Categories: e.layers(), Series: series, Note: "Of f.",
	}
	return report.Section{Title: "Units", Tables: []report.Table{t}, Charts: []report.Chart{chart}}, nil
}
