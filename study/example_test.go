package study_test

import (
	"context"
	"fmt"
	"os"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study"
	"github.com/locimem/locimem/study/graph"
)

// Does a wider encoder memorize more? (a study of your own, in one file)

var claimWider = study.Claim{
	ID:        "wider.more",
	Source:    "mine",
	Statement: "A wider encoder memorizes more.",
	Rule: `The number is the controlled score of the wide minus that of the narrow encoder, mean of the last
		three convolutions, one for each pair; plain: the same for LayerMem of the candidates.`,
	Number: "the controlled score of wide minus narrow",
}

// smallEncoder is the changes to the recipe of scale tiny for an encoder of some width, small
// enough for an example.
func smallEncoder(width string) []string {
	return []string{
		"encoder.width=" + width,
		"train.epochs=2", "train.batch=48", "knn.every=0", "score.views=2", "score.resamples=99",
		"data.synthetic.train=140", "split.shared=60", "split.candidate=40", "split.independent=40", "split.external=40",
	}
}

// Registered, the study is found like any other: by Find and by Studies, and if this file were
// a part of package study by locimem study wider.
var _ = study.Register(study.Study{
	Name:   "wider",
	Source: "mine",
	Title:  "Width of the encoder",
	Design: func(plan *study.Planner) study.Writer {
		narrow := plan.TrainPairs(smallEncoder("0.125")...)
		wide := plan.TrainPairs(smallEncoder("0.25")...)
		return func(x *study.Reader) (*report.Document, error) {
			var plain, own [][]float64 // by encoder and pair
			for _, g := range []*study.Group{narrow, wide} {
				r, err := x.Results(g)
				if err != nil {
					return nil, err
				}
				convs, err := r.Convolutions()
				if err != nil {
					return nil, err
				}
				plain = append(plain, study.LastThree(convs, r.LayerMem))
				own = append(own, study.LastThree(convs, r.Controlled))
			}
			return &report.Document{
				Lead:   []string{"Pairs of a narrow and of a wide encoder were trained alike and scored."},
				Claims: []report.Claim{x.Judge(claimWider, minus(plain[1], plain[0]), minus(own[1], own[0]))},
			}, nil
		}
	},
})

func minus(a, b []float64) []float64 {
	var out []float64
	for i := range a {
		out = append(out, a[i]-b[i])
	}
	return out
}

// A study of your own is a claim, a design and a writer. The store keeps its steps: done again,
// it only reports.
func Example() {
	dir, err := os.MkdirTemp("", "example-study-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	found, err := study.Find("wider")
	if err != nil {
		panic(err)
	}
	plan, err := found[0].Plan(study.Setting{Scale: "tiny", Pairs: 2, Seed: 1, Threads: 1})
	if err != nil {
		panic(err)
	}
	store := graph.NewStore(dir)
	if err := store.Run(context.Background(), plan.Steps, quiet{}); err != nil {
		panic(err)
	}
	d, err := plan.Report(store)
	if err != nil {
		panic(err)
	}
	c := d.Claims[0]
	fmt.Println(d.Title)
	fmt.Printf("%d steps in the store: two pairs of two encoders, f, g and their scores\n", len(graph.Order(plan.Steps)))
	fmt.Printf("%s: %s\n", c.ID, c.Statement)
	fmt.Println("two pairs suffice for an interval:", c.Controlled.Lo != nil)
	fmt.Println(c.Command)
	// Output:
	// Width of the encoder, tiny scale
	// 12 steps in the store: two pairs of two encoders, f, g and their scores
	// wider.more: A wider encoder memorizes more.
	// two pairs suffice for an interval: true
	// locimem study wider --scale tiny --pairs 2
}

// quiet hears nothing about the progress of steps.
type quiet struct{}

func (quiet) Begin(*graph.Step, int, int)  {}
func (quiet) End(*graph.Step, *graph.Done) {}
func (quiet) Waiting(*graph.Step)          {}
