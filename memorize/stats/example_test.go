package stats_test

import (
	"fmt"

	"github.com/locimem/locimem/memorize/stats"
)

// The mean score of three pairs of encoders over the same four images. Over points the
// interval is about other images and these encoders, over pairs about other encoders.
func ExampleTwoWay() {
	scores := [][]float64{ // [pair][image]
		{0.021, 0.035, 0.012, 0.028},
		{0.018, 0.031, 0.016, 0.030},
		{0.025, 0.040, 0.015, 0.033},
	}
	e, err := stats.TwoWay(stats.Sample{Candidate: scores, SamePoints: true}, stats.DefaultResampling(1, "example"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("mean        %.4f\n", e.Mean)
	fmt.Printf("over points [%.4f, %.4f]\n", e.Points.Lo, e.Points.Hi)
	fmt.Printf("over pairs  [%.4f, %.4f], p %.3f\n", e.Pairs.Lo, e.Pairs.Hi, e.Pairs.P)

	// Output:
	// mean        0.0253
	// over points [0.0178, 0.0328]
	// over pairs  [0.0191, 0.0316], p 0.003
}

// Four crossed pairs over eight images. Image 0 is odd in every encoder, and each pair has
// a bias of its own; neither is memorization, which is 0.1 here.
func ExampleCrossed() {
	halves := [][]bool{ // [pair][image]: a candidate; each second pair takes the other half
		{true, false, true, false, true, false, true, false},
		{false, true, false, true, false, true, false, true},
		{true, true, false, false, true, true, false, false},
		{false, false, true, true, false, false, true, true},
	}
	c := stats.Crossed{Member: halves}
	for p, half := range halves {
		line := make([]float64, len(half))
		for i, candidate := range half {
			line[i] = 0.3 * float64(p) // the pair's bias
			if i == 0 {
				line[i] += 5 // an odd image
			}
			if candidate {
				line[i] += 0.1
			} else {
				line[i] -= 0.1
			}
		}
		c.Scores = append(c.Scores, line)
	}
	m, err := c.Population(0.95)
	if err != nil {
		panic(err)
	}
	images, err := c.Images()
	if err != nil {
		panic(err)
	}
	fmt.Printf("controlled score of each pair   %.3f\n", m.PairMeans)
	fmt.Printf("without the odd image's effect  %.2f\n", m.Adjusted)
	fmt.Printf("image 0 %.2f, image 1 %.2f\n", images.Scores[0].Value, images.Scores[1].Value)

	// Output:
	// controlled score of each pair   [0.725 -0.525 0.725 -0.525]
	// without the odd image's effect  [0.10 0.10 0.10 0.10]
	// image 0 0.10, image 1 0.10
}
