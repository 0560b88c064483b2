package memorize_test

import (
	"context"
	"fmt"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// LayerMem of two encoders by layer, on images that f was trained on and g was not. Here
// neither is trained, so nothing is memorized. Yet no score is 0, and in conv1 even the interval
// excludes 0: six images are too few for a bootstrap.
func Example() {
	e, err := tensor.NewEngine(tensor.Options{ISA: "generic"}) // the same digits everywhere
	if err != nil {
		panic(err)
	}
	defer e.Close()
	var encoders [2]nn.Encoder
	for side := range encoders {
		o := nn.EncoderOptions{Width: 0.0625, InH: 16, InW: 16, InC: 3}
		if encoders[side], err = nn.NewEncoder("resnet9", o, uint64(side+1)); err != nil {
			panic(err)
		}
	}
	images, err := data.NewSynthetic(data.SyntheticOptions{N: 12, Size: 16})
	if err != nil {
		panic(err)
	}
	var config augment.Config
	config.UsePreset("weak")
	config.Mean, config.Std = []float64{0.5, 0.5, 0.5}, []float64{0.5, 0.5, 0.5}
	views, err := augment.New(config, 16, 16, 3)
	if err != nil {
		panic(err)
	}

	sets := []memorize.Images{
		{Set: memorize.Set{Name: memorize.Candidate, Points: []int{0, 1, 2, 3, 4, 5}}, Data: images},
		{Set: memorize.Set{Name: memorize.Independent, Points: []int{6, 7, 8, 9, 10, 11}}, Data: images},
	}
	o := memorize.DefaultOptions()
	o.Views, o.Taps = 4, []string{"conv1", "head"}
	scores, err := memorize.Score(context.Background(), e, encoders[0], encoders[1], sets, views, o, nil)
	if err != nil {
		panic(err)
	}
	for _, tap := range o.Taps {
		c, _ := scores.Layer(tap, memorize.Candidate, memorize.Paper, memorize.UnitL2)
		k, _ := scores.Layer(tap, memorize.Controlled, memorize.Paper, memorize.UnitL2)
		fmt.Printf("%-5s candidates %.2f  controlled %.2f [%.2f, %.2f]\n", tap, c.Stat.Mean, k.Stat.Mean, k.Stat.Lo,
			k.Stat.Hi)
	}

	// Output:
	// conv1 candidates 0.22  controlled 0.10 [0.04, 0.14]
	// head  candidates -0.01  controlled 0.03 [-0.11, 0.15]
}
