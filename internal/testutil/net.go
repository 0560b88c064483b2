package testutil

import (
	"math"
	"strings"
)

// NetImages returns a view of n images, NHWC with ch channels, as the function
// images of nn/testdata/make_resnet9.py does: squares of 8x8 pixels in colours
// that all views of a batch share, and noise of the view's own. The name is
// "batch/view".
func NetImages(name string, n, h, w, ch int) []float32 {
	batch, _, _ := strings.Cut(name, "/")
	rows, cols := (h+7)/8, (w+7)/8
	coarse := Uniform(batch, n*rows*cols*ch)
	x := Uniform(name, n*h*w*ch)
	for i := range x {
		img, row, col, c := i/(h*w*ch), i/(w*ch)%h, i/ch%w, i%ch
		x[i] = coarse[((img*rows+row/8)*cols+col/8)*ch+c] + x[i]/4
	}
	return x
}

// NetParams gives the parameters of a network their values, layer by layer.
type NetParams struct{ fanIn int }

// Next returns the values of a parameter in our layout, as the function fill of
// nn/testdata/make_resnet9.py, make_resnets.py and make_vit.py do in PyTorch's: a
// norm's weight is 1 + u/2 (an eighth of that for bn2 and bn3 of a block) and its bias
// u/4, as class token and positions, any other parameter u/sqrt(fan in), where u is
// Uniform(name) in PyTorch's order of elements (OIHW). A layer's weight comes before
// its bias.
func (p *NetParams) Next(name string, shape []int) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	norm := strings.Contains(name, "bn") || strings.Contains(name, "downsample.1") || strings.Contains(name, "norm")
	token := strings.HasSuffix(name, "cls_token") || strings.HasSuffix(name, "pos_embed")
	weight := strings.HasSuffix(name, ".weight")
	if weight {
		out := shape[0]
		if len(shape) == 4 {
			out = shape[3]
		}
		p.fanIn = n / out
	}
	bound := float32(1 / math.Sqrt(float64(max(p.fanIn, 1))))
	v := make([]float32, n)
	for i, u := range Uniform(name, n) {
		switch {
		case norm && weight:
			v[i] = 1 + u/2
			if strings.HasSuffix(name, ".bn2.weight") || strings.HasSuffix(name, ".bn3.weight") {
				v[i] /= 8
			}
		case norm, token:
			v[i] = u / 4
		case len(shape) == 4: // OIHW to HWIO
			area, in := shape[0]*shape[1], shape[2]
			o, c, at := i/(area*in), i/area%in, i%area
			v[(at*in+c)*shape[3]+o] = u * bound
		default:
			v[i] = u * bound
		}
	}
	return v
}
