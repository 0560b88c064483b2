package study

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
)

// claimRises is the claim that memorization rises with depth, which several studies make
// about their encoders. {layers} are convolutions, or the blocks of a transformer.
func claimRises(id, source, statement, paper string) Claim {
	return Claim{
		ID:        id,
		Source:    source,
		Statement: statement,
		Paper:     paper,
		Rule: `The number is the controlled score, mean over the last three {layers} minus that over the first
			three, one for each pair; plain: the same for LayerMem of the candidates.`,
		Number: "the rise of the controlled score",
	}
}

// judgeRises judges claimRises on some layers.
func (r *Results) judgeRises(c Claim, layers []string) report.Claim {
	kind := "convolutions"
	if strings.HasPrefix(layers[0], "blocks.") {
		kind = "blocks"
	}
	return r.Judge(c.fill("{layers}", kind), r.rises(layers, layerMem), r.rises(layers, controlled))
}

// depthColumns are those of the table of all taps.
var depthColumns = []report.Column{
	{Name: "tap"},
	{Name: "parameters", Help: "of the layer"},
	{Name: "S_C", Help: "LayerMem of the candidates, as the paper takes it", Digits: 4},
	{Name: "S_S", Help: "of images that both encoders were trained on", Digits: 4},
	{Name: "S_I", Help: "of images that only g was trained on", Digits: 4},
	{Name: "S_E", Help: "of images that neither encoder was trained on", Digits: 4},
	{Name: "controlled", Help: "half of S_C minus S_I", Digits: 4},
	{Name: "Delta", Help: "LayerMem of the candidates minus that of the tap before", Digits: 4},
	{Name: "AUC", Help: "for telling candidates from independents by their score, mean over pairs", Digits: 3},
	{Name: "same data", Help: "the controlled score of two encoders that differ only in their seed", Digits: 4},
}

const textBaseline = `Spearman's correlation of the controlled score of the %d convolutions with %s is %.2f (p %.3f).`

// fourSets are the sets that LayerMem is shown for, in the order of the tables.
var fourSets = []string{memorize.Candidate, memorize.Shared, memorize.Independent, memorize.External}

// depthTables is the table of all taps with its charts, and what plain depth and the
// number of parameters say about the convolutions.
type depthTables struct {
	table     report.Table
	charts    []report.Chart
	baselines []string // paragraphs
}

// byDepth returns the tables of all taps. own is the controlled score of a tap.
func (r *Results) byDepth(convs []string, own func(tap string) report.Cell) (depthTables, error) {
	params, err := r.parameters()
	if err != nil {
		return depthTables{}, err
	}
	out := depthTables{table: report.Table{
		Name: "depth", Title: "LayerMem by depth", Note: r.intervals(), Columns: depthColumns,
	}}
	bySet := make([]report.Series, len(fourSets))
	control := report.Series{Name: memorize.Controlled}
	same := report.Series{Name: "same data, other seed"}
	var before []float64
	for _, tap := range r.Taps() {
		row := []report.Cell{report.Text(tap), report.Num(params[tap])}
		for i, set := range fourSets {
			c := Interval(over(r.scores, tap, set))
			bySet[i].Name = set
			push(&bySet[i], c)
			row = append(row, c)
		}
		c := own(tap)
		push(&control, c)
		now, delta, null := r.LayerMem(tap), report.Cell{}, report.Cell{}
		if before != nil {
			delta = Interval(minus(now, before))
		}
		before = now
		areas, err := r.areas(tap)
		if err != nil {
			return out, err
		}
		if r.sameData != nil {
			null = report.Num(controlled(r.sameData, tap)[0])
			push(&same, null)
		}
		out.table.Rows = append(out.table.Rows, append(row, c, delta, Interval(areas), null))
	}
	series := []report.Series{control}
	if r.sameData != nil {
		series = append(series, same)
	}
	out.charts = []report.Chart{{
		Name: "depth", Title: "LayerMem by depth", Kind: report.Line, X: "tap", Y: "LayerMem (Eq. 2)",
		Categories: r.Taps(), Series: bySet,
	}, {
		Name: "controlled", Title: "The controlled score by depth", Kind: report.Line, X: "tap", Y: halfDifference,
		Categories: r.Taps(), Series: series, Reference: noMemorization, Note: "The band is the 95 % interval.",
	}}
	out.baselines, err = r.depthBaselines(convs, params)
	return out, err
}

// halfDifference is the controlled score as an axis and as the help of a column.
const halfDifference = "half of S_C minus S_I"

// Reference lines at 0.
var (
	noMemorization = []report.Reference{{Name: "no memorization", Y: 0}}
	zero           = []report.Reference{{Y: 0}}
)

// depthBaselines says how well plain depth and the number of parameters rank the
// convolutions as the controlled score does.
func (r *Results) depthBaselines(convs []string, params map[string]float64) ([]string, error) {
	var places, sizes, means []float64
	for _, c := range convs {
		places = append(places, float64(slices.Index(r.Taps(), c)))
		sizes = append(sizes, params[c])
		means = append(means, stat.Mean(r.Controlled(c), nil))
	}
	var out []string
	for _, b := range []struct {
		name   string
		values []float64
	}{{"plain depth", places}, {"number of parameters", sizes}} {
		k, err := stats.Spearman(b.values, means)
		if err != nil {
			return nil, err
		}
		out = append(out, prosef(textBaseline, k.N, b.name, k.Value, k.P))
	}
	return out, nil
}

// parameters returns the number of parameters of each tap's layer.
func (r *Results) parameters() (map[string]float64, error) {
	l, err := run.Open(r.pairs[0].Recipe)
	if err != nil {
		return nil, err
	}
	enc, err := l.Encoder(memorize.F)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, t := range enc.Taps() {
		out[t.Name] = float64(t.Params)
	}
	return out, nil
}

// layered is the scores of a group with its convolutions and the parameters of each layer.
type layered struct {
	*Results
	convs  []string
	params map[string]float64
}

func (x *Reader) layered(g *Group) (*layered, error) {
	r, err := x.Results(g)
	if err != nil {
		return nil, err
	}
	convs, err := r.Convolutions()
	if err != nil {
		return nil, err
	}
	params, err := r.parameters()
	return &layered{r, convs, params}, err
}

// layerValues is a quantity by which layers are ranked, for each pair.
type layerValues struct {
	name   string
	values func(pair int) map[string]float64 // of all convolutions but the first
}

// The places of some quantities.
const (
	ownDelta = iota
	plainDelta
	plainDepth
)

// quantities are what may tell which layers an encoder needs. Delta to the tap before is
// what the layer by itself adds (Table 18). Delta to the convolution before (Table 1)
// also holds what norm, ReLU and pool in between do.
func (r *layered) quantities() []layerValues {
	fixed := func(of func(k int) float64) func(int) map[string]float64 {
		out := map[string]float64{}
		for k := 1; k < len(r.convs); k++ {
			out[r.convs[k]] = of(k)
		}
		return func(int) map[string]float64 { return out }
	}
	return []layerValues{
		{"Delta to the tap before, controlled", r.deltas(r.Taps(), controlled)},
		{"Delta to the tap before, of the candidates", r.deltas(r.Taps(), layerMem)},
		{"plain depth", fixed(func(k int) float64 { return float64(k) })},
		{"number of parameters", fixed(func(k int) float64 { return r.params[r.convs[k]] })},
		{"Delta to the convolution before, controlled", r.deltas(r.convs, controlled)},
		{"Delta to the convolution before, of the candidates", r.deltas(r.convs, layerMem)},
	}
}

// deltas returns a score of each convolution but the first minus that of what comes
// before it in taps, for a pair.
func (r *layered) deltas(taps []string, of layerScore) func(pair int) map[string]float64 {
	return func(pair int) map[string]float64 {
		out, one := map[string]float64{}, r.scores[pair:pair+1]
		for i, t := range taps {
			if i > 0 && slices.Index(r.convs, t) > 0 {
				out[t] = of(one, t)[0] - of(one, taps[i-1])[0]
			}
		}
		return out
	}
}

// rankCorrelation is Spearman's correlation, 0 where all values of either are equal:
// these rank nothing.
func rankCorrelation(a, b []float64) (float64, error) {
	c, err := stats.Spearman(a, b)
	if errors.Is(err, stats.ErrNoSpread) {
		return 0, nil
	}
	return c.Value, err
}

// layerNumbers names layers as the paper numbers them, from 1.
func layerNumbers(layers []string, all []string) string {
	var out []string
	for _, l := range layers {
		if i := slices.Index(all, l); i >= 0 {
			out = append(out, fmt.Sprint(i+1))
		}
	}
	return strings.Join(out, ", ")
}
