package memorize_test

import (
	"fmt"
	"os"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/tensor"
)

// A metric of your own is shown what all others are shown, and its table lies next to
// theirs. sizeMetric, the mean |activation|, stands in ownmetric_test.go.
func Example_yourOwnMetric() {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	o := memorize.DefaultOptions()
	o.Views, o.Resamples, o.Units = 2, 99, false
	acc, err := memorize.NewAccumulator(e, o, []memorize.Tap{{Name: "head", Depth: 1}},
		[]memorize.Set{{Name: memorize.Candidate, Points: []int{3}}}, &sizeMetric{})
	if err != nil {
		panic(err)
	}
	for side, x := range [][]float32{{1, -2, 3, -4}, {2, 2, 2, 4}} { // one point, two views, two units
		if err := acc.Add(memorize.Side(side), 0, 0, tensor.FromSlice(x, 2, 2)); err != nil {
			panic(err)
		}
	}
	scores, err := acc.Scores()
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "example-metric-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if _, err := scores.WriteFiles(dir); err != nil {
		panic(err)
	}
	rows, err := sizes.Read(dir) // size.csv
	if err != nil {
		panic(err)
	}
	for _, r := range rows {
		fmt.Println(r.Encoder, r.Tap, r.Set, r.Size)
	}

	// Output:
	// f head candidate 2.5
	// g head candidate 2.5
}
