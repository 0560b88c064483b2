package experiments

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/report"
)

// points asks whether units stand out for memorized points (Tables 11 and 12). To
// choose points by their score and to measure units on the same activations is partly
// circular, so both are done with external images too, which f never saw.
var points = Study{Name: "points", Source: "T11, T12", Title: "Units on memorized and on other points", plan: func(l *lab) writer {
	own := l.pairs()
	var steps []*graph.Step
	for _, p := range own.pairs {
		steps = append(steps, pointUnits.Step(fmt.Sprintf("units on the most and least memorized points, %s, seed %d", describe(p.recipe), p.recipe.Seed), pointing{textOf(p.recipe)}, p.f, p.score))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writePoints(x, own, steps) }
}}

// pointing are the parameters of a pointunits step. Its needs train f and score the
// pair.
type pointing struct {
	Recipe text `json:"recipe"`
}

// Identity implements graph.Identifier.
func (p pointing) Identity() string {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err.Error()
	}
	return r.Hash()
}

// pointsFound is the mean UnitMem of the tenth of the units of largest UnitMem behind
// a convolution, over the points of its set that have the largest and the least
// scores there.
type pointsFound struct {
	Layer string  `json:"layer"`
	Set   string  `json:"set"`
	K     int     `json:"k"` // points
	Most  float64 `json:"most"`
	Least float64 `json:"least"`
	// T is Welch's t of the units' values, as Table 11 has it.
	T float64 `json:"t"`
}

var pointUnits = graph.Define("pointunits", 1, func(ctx context.Context, w *graph.Work, p pointing) error {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err
	}
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	read, err := study.ReadPoints(w.Need(1, "scores"), memorize.L2)
	if err != nil {
		return err
	}
	layers := convLayers(o.encoder)
	var out []pointsFound
	bar := reporterOf(ctx).Bar("points", "layers", 2*len(layers), 0)
	for _, layer := range layers {
		for _, set := range o.lab.Sets() {
			if set.Name != memorize.Candidate && set.Name != memorize.External {
				continue
			}
			found := pointsFound{Layer: layer, Set: set.Name}
			a := read.Of(layer, set.Name)
			values := memorize.Paper.Points(a.F, a.G)
			found.K = len(values) / 4
			var top [2][]float64
			for i, chosen := range [][]int{stats.Top(values, found.K), stats.Least(values, found.K)} {
				few := memorize.Images{Set: memorize.Set{Name: set.Name}, Data: set.Data}
				for _, k := range chosen {
					few.Points = append(few.Points, a.Points[k])
				}
				options := r.ScoreOptions()
				options.Taps = []string{perturb.OutputTap(o.encoder, layer)}
				units, err := memorize.ScoreUnits(ctx, o.engine, o.encoder, few, o.lab.ScoreViews, options, 1, nil)
				if err != nil {
					return err
				}
				ranked := memorize.TopUnits(units, max(2, int(memorize.TopShare*float64(len(units)))))
				for _, u := range ranked {
					top[i] = append(top[i], u.Value)
				}
			}
			if found.Most, found.Least = stat.Mean(top[0], nil), stat.Mean(top[1], nil); len(top[0]) > 1 && len(top[1]) > 1 {
				if t, err := stats.Welch(top[0], top[1], level); err == nil { // else all units are alike
					found.T = t.T
				}
			}
			out = append(out, found)
			bar.Set(len(out))
		}
	}
	bar.Finish("%d layers", len(layers))
	return w.Result(out)
}, func(p pointing) graph.Effort {
	r, err := p.Recipe.recipe()
	if err != nil {
		return graph.Effort{}
	}
	views := 8 * (r.Split.Candidate + r.Split.External) / 2 * r.Score.Views // of half of two sets, for eight layers
	return graph.Effort{Key: "pointunits " + speedOf(r), Amount: float64(views), Trial: func(ctx context.Context) (float64, error) { return unitsTrial(ctx, r) }}
})

func writePoints(x *reader, own *group, steps []*graph.Step) (*report.Document, error) {
	found := make([][]pointsFound, len(steps))
	for i, s := range steps {
		if err := x.store.Result(s, &found[i]); err != nil {
			return nil, err
		}
	}
	t := report.Table{Name: "points", Title: "UnitMem of the top tenth of the units, on a quarter of the points", Note: "Means over pairs with 95 % intervals. Welch's t is that of the units in the first pair, as in the paper, which takes units for independent.",
		Columns: []report.Column{{Name: "layer"}, {Name: "most memorized", Digits: 3}, {Name: "least memorized", Digits: 3}, {Name: "t", Digits: 1},
			{Name: "external, largest", Help: "external images of the largest scores", Digits: 3}, {Name: "external, least", Digits: 3}}}
	gaps := [2][]float64{make([]float64, len(found)), make([]float64, len(found))}
	series := []report.Series{{Name: "most memorized"}, {Name: "least memorized"}, {Name: "external, largest"}, {Name: "external, least"}}
	var layers []string
	n := len(found[0]) / 2
	for k := 0; k < len(found[0]); k += 2 {
		c := found[0][k]
		layers = append(layers, c.Layer)
		row := []report.Cell{report.Text(c.Layer)}
		for s := range gaps {
			var most, least []float64
			for i, f := range found {
				most, least = append(most, f[k+s].Most), append(least, f[k+s].Least)
				gaps[s][i] += (f[k+s].Most - f[k+s].Least) / float64(n)
			}
			a, b := interval(most), interval(least)
			push(&series[2*s], a)
			push(&series[2*s+1], b)
			row = append(row, a, b)
			if s == 0 {
				row = append(row, report.Num(c.T))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	owners, more, control, err := x.owners(own)
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead: []string{fmt.Sprintf("In each convolution the quarter of the candidates with the largest scores and the quarter with the least (%d of each) were taken, and UnitMem of the units behind it was measured on either. External images show what such a choice gives without any memory.", found[0][0].K)},
		Claims: []report.Claim{
			x.judge(report.Claim{ID: "points.units", Source: "T11", Statement: "Units stand out more for memorized points, beyond what the choice of points gives.", Plain: intervalOf(gaps[0]),
				Paper: "UnitMem of the top tenth of the units from .50 to .52 on the most, from .23 to .25 on the least memorized points, t 64 to 66",
				Rule:  "UnitMem of the top tenth of the units on the quarter of the candidates with the largest scores minus that on the quarter with the least, mean over the convolutions; the number is that minus the same of external images, one for each pair."},
				"most minus least memorized, candidates minus external images", minus(gaps[0], gaps[1])),
			x.ownersClaim(more, control),
		},
		Sections: []report.Section{
			{Title: "Units", Tables: []report.Table{t}, Charts: []report.Chart{{Name: "points", Title: t.Title, Kind: report.Line, X: "layer", Y: "UnitMem (Eq. 8)", Categories: layers, Series: series}}},
			{Title: "Owners", Tables: []report.Table{owners}}},
	}, nil
}

// ownersClaim is the claim of Table 12, of the pairs that have both kinds of points.
func (x *reader) ownersClaim(more, control []float64) report.Claim {
	c := report.Claim{ID: "points.owners", Source: "T12", Statement: "Points that own several top units are memorized more.",
		Paper: "mean SSLMem .694, .813, .833, .857, .891 of points that own 1 to 5 top units of the last convolution",
		Rule:  "The mean score, in the last convolution, of the candidates that own two or more of the top tenth of the units behind it, minus that of those that own one; the number is that minus the same of external images, one for each pair that has both."}
	if len(more) == 0 {
		c.Verdict, c.Why, c.Command = report.UnderPowered, "no pair has both points that own one and points that own several units", x.command
		return c
	}
	c.Plain = intervalOf(more)
	return x.judge(c, "several minus one unit, candidates minus external images", minus(more, control))
}

// owners groups the points by how many of the top units behind the last convolution
// they own: a table, and the mean score of those with several less that of those with
// one, of candidates and of external images, for the pairs that have both.
func (x *reader) owners(own *group) (t report.Table, more, control []float64, err error) {
	r, err := x.results(own)
	if err != nil {
		return t, nil, nil, err
	}
	convs, err := r.convolutions()
	if err != nil {
		return t, nil, nil, err
	}
	last := convs[len(convs)-1]
	tap := r.taps()[slices.Index(r.taps(), last)+2] // behind norm and ReLU
	const groups = 4
	var scores [2][groups][]float64
	var points [2][groups]int
	for i, p := range own.pairs {
		tables, err := study.ReadTables(x.store.Path(p.score, "scores"))
		if err != nil {
			return t, nil, nil, err
		}
		var gap [2]float64
		both := true
		for s, set := range []string{memorize.Candidate, memorize.External} {
			var one [groups][]float64
			for point, n := range ownedBy(tables.Units, tap, set) {
				k := min(n, groups) - 1
				a := r.scores[i].Of(last, set)
				v := r.scores[i].of(last, set)[slices.Index(a.Points, point)]
				one[k] = append(one[k], v)
				scores[s][k] = append(scores[s][k], v)
				points[s][k]++
			}
			several := slices.Concat(one[1:]...)
			if len(one[0]) == 0 || len(several) == 0 {
				both = false
				continue
			}
			gap[s] = stat.Mean(several, nil) - stat.Mean(one[0], nil)
		}
		if both {
			more, control = append(more, gap[0]), append(control, gap[1])
		}
	}
	t = report.Table{Name: "owners", Title: "Points that own top units behind " + last, Note: "Points and mean scores in " + last + ", all pairs together.",
		Columns: []report.Column{{Name: "units owned"}, {Name: "candidates"}, {Name: "their score", Digits: 4}, {Name: "external images"}, {Name: "their score", Digits: 4}}}
	for k := range groups {
		row := []report.Cell{report.Text(fmt.Sprint(k + 1))}
		if k == groups-1 {
			row[0] = report.Text(fmt.Sprintf("%d or more", groups))
		}
		for s := range scores {
			row = append(row, report.Num(float64(points[s][k])))
			if points[s][k] == 0 {
				row = append(row, report.Cell{})
			} else {
				row = append(row, report.Num(stat.Mean(scores[s][k], nil)))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, more, control, nil
}

// ownedBy counts how many of the top tenth of the units of a tap each point owns.
func ownedBy(all []memorize.UnitScore, tap, set string) map[int]int {
	var units []memorize.RankedUnit
	for _, u := range all {
		if u.Tap == tap && u.Set == set {
			units = append(units, memorize.RankedUnit{UnitScore: u, Bounded: true}) // behind a ReLU
		}
	}
	out := map[int]int{}
	for _, u := range memorize.TopUnits(units, max(1, int(memorize.TopShare*float64(len(units))))) {
		out[u.Point]++
	}
	return out
}
