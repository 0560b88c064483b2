package study

// Do other initial weights change an encoder as much as other candidates do? (ours) The study
// compares LayerMem, and alignment-matrix LayerMem, of a pair with that of two encoders that
// were trained on the same images and differ in their seed.

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// ruleRing says what comparing neighbours costs.
const ruleRing = `Each encoder is compared with that of the next seed, the last with the first: each is in two
	comparisons, so the interval is too narrow.`

var (
	claimPairLayers = Claim{
		ID:     "initialisation.layers",
		Source: "ours",
		Statement: `LayerMem of a pair is larger than that of two encoders of other seeds that were trained on
			the same images.`,
		Rule: ruleRing + ` The number is |LayerMem| of the candidates of a pair minus that of two encoders f of
			neighbouring seeds, mean of the last three convolutions, one for each pair.`,
		Number: "|LayerMem| of a pair minus that of two seeds",
	}
	claimPairMatrices = Claim{
		ID:     "initialisation.matrices",
		Source: "ours",
		Statement: `By alignment matrices a pair differs more than two encoders of other seeds that were trained
			on the same images.`,
		Rule: ruleRing + ` The number is alignment-matrix LayerMem of the candidates of a pair minus that of two
			encoders f of neighbouring seeds, mean of the last three convolutions, one for each pair.`,
		Number: "alignment-matrix LayerMem of a pair minus that of two seeds",
	}
)

const leadInitialisation = `Encoders f of two seeds were trained on the same images, so they do not differ in
	memory of the candidates. But f and g of a pair start from the same weights, with the same order and views,
	and two seeds do not. The difference between seeds is therefore an upper bound for what a pair differs by
	without any memory. A pair above it shows memory. A pair below it is not shown to have none.`

var initialisation = Register(Study{
	Name:   "initialisation",
	Source: "ours; first experiment",
	Title:  "Other initial weights against other images",
	Place:  280,
	Design: func(plan *Planner) Writer {
		const alignment = "score.alignment=true"
		own := plan.TrainPairs(alignment)
		var seeds []*graph.Step
		next := plan.reseeded(own.f(), alignment)
		for i, p := range own.Pairs { // a ring, so that there is one for each pair
			r, params := p.Recipe, scoreParams{withRecipe(p.Recipe), [2]memorize.Side{memorize.F, memorize.F}}
			label := fmt.Sprintf("score f of seeds %d and %d, same data, %s", r.Seed, next[i].Recipe.Seed, describe(r))
			seeds = append(seeds, score.Step(label, params, p.F, next[i].Train))
		}
		plan.Add(seeds...)
		return func(x *Reader) (*report.Document, error) {
			pairs, err := x.Results(own)
			if err != nil {
				return nil, err
			}
			d := initialDifferences{pairs: pairs}
			for _, s := range seeds {
				one, err := readScores(x.store, s, x.distance())
				if err != nil {
					return nil, err
				}
				d.seeds = append(d.seeds, one)
			}
			if d.pairMatrix, err = x.alignmentMem(own.scoreSteps()); err != nil {
				return nil, err
			}
			if d.seedMatrix, err = x.alignmentMem(seeds); err != nil {
				return nil, err
			}
			return d.write()
		}
	},
})

// initialDifferences compares pairs with encoders of two seeds.
type initialDifferences struct {
	pairs *Results
	seeds []scores
	// Alignment-matrix LayerMem by tap, pair by pair.
	pairMatrix, seedMatrix func(tap string) []float64
}

// size is |LayerMem| of the candidates, pair by pair.
func size(all []scores, tap string) []float64 { return each(layerMem(all, tap), math.Abs) }

func (d initialDifferences) pairSize(tap string) []float64 { return size(d.pairs.scores, tap) }
func (d initialDifferences) seedSize(tap string) []float64 { return size(d.seeds, tap) }

func (d initialDifferences) claims(convs []string) []report.Claim {
	return []report.Claim{
		d.pairs.judgePlain(claimPairLayers, minus(LastThree(convs, d.pairSize), LastThree(convs, d.seedSize))),
		d.pairs.judgePlain(claimPairMatrices, minus(LastThree(convs, d.pairMatrix), LastThree(convs, d.seedMatrix))),
	}
}

func (d initialDifferences) write() (*report.Document, error) {
	convs, err := d.pairs.Convolutions()
	if err != nil {
		return nil, err
	}
	t := report.Table{
		Name: "initialisation", Title: "What other images and other seeds do to the layers",
		Note: d.pairs.intervals(), Columns: []report.Column{{Name: "tap"}},
	}
	sizes := report.Chart{
		Name: "size", Title: "Size of LayerMem of the candidates", Kind: report.Line,
		X: "convolution", Y: "|LayerMem| (Eq. 2)", Categories: convs,
	}
	matrices := report.Chart{
		Name: "alignment", Title: "Alignment-matrix LayerMem of the candidates", Kind: report.Line,
		X: "convolution", Y: "1 - cosine of the matrices", Categories: convs,
	}
	const helpMatrix = "alignment-matrix LayerMem of the candidates"
	addIntervals(&t, &sizes, "other images, |LayerMem|", "of the candidates, f and g of a pair", convs, d.pairSize)
	addIntervals(&t, &sizes, "other seed, |LayerMem|", "of the candidates, f and f of two pairs", convs, d.seedSize)
	addIntervals(&t, &matrices, "other images, matrices", helpMatrix, convs, d.pairMatrix)
	addIntervals(&t, &matrices, "other seed, matrices", helpMatrix, convs, d.seedMatrix)
	return &report.Document{
		Lead:   []string{d.pairs.trained() + " " + prose(leadInitialisation)},
		Claims: d.claims(convs),
		Sections: []report.Section{{
			Title: "By layer", Tables: []report.Table{t}, Charts: []report.Chart{sizes, matrices},
		}},
	}, nil
}

// alignmentMem reads alignment-matrix LayerMem of the candidates, and returns it by tap,
// step by step.
func (x *Reader) alignmentMem(steps []*graph.Step) (func(tap string) []float64, error) {
	var all []map[[2]string]float64
	for _, s := range steps {
		rows, err := memorize.AlignmentTable.Read(x.store.Path(s, "scores"))
		if err != nil {
			return nil, err
		}
		m := map[[2]string]float64{}
		for _, r := range rows {
			m[[2]string{r.Tap, r.Set}] = r.Stat.Mean
		}
		all = append(all, m)
	}
	return func(tap string) []float64 {
		return each(all, func(m map[[2]string]float64) float64 { return m[[2]string{tap, memorize.Candidate}] })
	}, nil
}
