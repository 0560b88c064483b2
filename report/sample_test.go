package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
)

var sampleTaps = strings.Fields("conv1 bn1 relu1 pool1 conv2_0 bn2_0 relu2_0 pool2_0 conv2_1 bn2_1 relu2_1 conv2_2 " +
	"bn2_2 relu2_2 res2 " +
	"conv3 bn3 relu3 pool3 conv4_0 bn4_0 relu4_0 pool4_0 conv4_1 bn4_1 relu4_1 conv4_2 bn4_2 relu4_2 res4 head")

// sample is a document with something of everything, over made-up numbers, and with
// text that would be markup if it were not escaped.
func sample() Document {
	r := rand.New(rand.NewPCG(1, 2))
	n := len(sampleTaps)
	series := func(name string, slope float64) Series {
		s := Series{Name: name}
		for i := range n {
			d := float64(i) / float64(n)
			v := .02 + slope*d*d + .004*r.NormFloat64()
			s.Y = append(s.Y, &v)
			s.Lo, s.Hi = append(s.Lo, Values([]float64{v - .012})...), append(s.Hi, Values([]float64{v + .012})...)
		}
		s.Y[3], s.Lo[3], s.Hi[3] = nil, nil, nil
		return s
	}
	scatter := func(name string, at float64) Series {
		s := Series{Name: name}
		for range 60 {
			y := math.Abs(at + .1*r.NormFloat64())
			s.X, s.Y, s.Labels = append(s.X, at+.12*r.NormFloat64()), append(s.Y, &y), append(s.Labels, name+` "unit"`)
		}
		return s
	}
	thumb := func(k int) Thumb {
		img := image.NewRGBA(image.Rect(0, 0, 8, 8))
		for i := range 64 {
			img.Set(i%8, i/8, color.RGBA{R: uint8(i * 4), G: uint8(k * 30), B: uint8(255 - i*3), A: 255})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			panic(err)
		}
		return Thumb{PNG: b.Bytes(), Caption: "#17 <truck> 0.213"}
	}
	table := Table{Name: "taps", Title: "All taps", Note: "Intervals of 95 %.",
		Columns: []Column{{Name: "tap"}, {Name: "depth"}, {Name: "controlled", Digits: 4, Help: "Half of C less I."},
			{Name: "said"}}}
	for i, tap := range sampleTaps {
		v := math.Sin(float64(i)) / 9
		table.Rows = append(table.Rows, []Cell{Text(tap), Num(float64(i + 1)), Between(v, v-.01, v+.01),
			Text([]string{"yes", "no"}[i%2])})
	}
	table.Rows[5][2] = Cell{}
	plain, controlled := Between(.31, .28, .34), Between(.02, -.01, .05)
	claim := func(id string, v Verdict) Claim {
		return Claim{ID: id, Source: "T1, T18", Statement: "LayerMem rises with depth <b>monotonically</b>.",
			Rule:  "Reproduced if tau > 0 & its interval lies above 0.",
			Paper: "0.091 to 0.308", Plain: &plain, Controlled: &controlled, Verdict: v,
			Why: "tau 0.6 [0.2, 0.8] lies above 0.", Command: "locimem study depth --scale mini"}
	}
	return Document{
		Title: "sample-0123456789ab", Lead: []string{"Memorization shows in 7 of 31 taps.",
			"Two encoders were trained </script><script>alert(1)</script> and compared."},
		Key: []Fact{{"Largest controlled LayerMem", "0.0712 in relu4_2"}, {"Taps above 0", "7 of 31"},
			{"kNN accuracy of f", "61.2 %"}, {"kNN accuracy of g", "60.7 %"}},
		Claims: []Claim{claim("depth.rises", Reproduced), claim("fc.attention", NotReproduced),
			claim("atypical", UnderPowered), claim("swap", UnderPowered)},
		Sections: []Section{
			{Title: "Layers", Text: []string{"A paragraph."}, Charts: []Chart{
				{Name: "layermem", Title: "LayerMem by depth", Kind: Line, X: "tap", Y: "LayerMem",
					Categories: sampleTaps,
					Series: []Series{series("candidates", .15), series("shared", .02), series("independents", -.1),
						series("external", .03)}, Reference: []Reference{{"no difference", 0}}, Note: "Bands: 95 %."},
				{Name: "parts", Title: "By part", Kind: Bar, X: "part", Y: "score",
					Categories: []string{"attention", "fully connected", "norm"},
					Series: []Series{{Name: "f", Y: Values([]float64{.1, .3, -.1}), Lo: Values([]float64{.05, .2, -.2}),
						Hi: Values([]float64{.15, .4, math.NaN()})}, {Name: "g", Y: Values([]float64{.2, .1, .05})}}},
			}},
			{Title: "Units & classes", Charts: []Chart{
				{Name: "classmem", Title: "ClassMem against UnitMem", Kind: Scatter, X: "UnitMem", Y: "ClassMem",
					Diagonal: true, Series: []Series{scatter("relu1", .3), scatter("head", .7)}},
				{Name: "loss", Title: "Loss", Kind: Line, X: "epoch", Y: "loss",
					Series: []Series{{Name: "f", X: []float64{1, 2, 3}, Y: Values([]float64{5, 4, 3.5})},
						{Name: "g", X: []float64{1, 2, 3}, Y: Values([]float64{5.1, 4.2, 3.4})}},
					Reference: []Reference{{"chance", 6.2}}},
			}},
			{Title: "Images", Galleries: []Gallery{{Name: "most", Title: "Most memorized", Rows: []GalleryRow{
				{Label: "relu1, most", Images: []Thumb{thumb(1), thumb(2), thumb(3), thumb(4)}},
				{Label: "relu1, least", Images: []Thumb{thumb(5), thumb(6)}}}}}},
			{Title: "All taps", Tables: []Table{table}},
		},
		Provenance: []Fact{{"Recipe", strings.Repeat("0123456789abcdef", 4)}, {"recipe.yaml", "name: x\nseed: 1\n"},
			{"Command", "locimem run --set 'name=<x>'"}},
	}
}
