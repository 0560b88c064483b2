package augment

import (
	"math"
	"math/rand/v2"
)

// Box is a rectangle of an image, in pixels.
type Box struct{ Top, Left, Height, Width int }

// Params is all that is random about one view.
type Params struct {
	Box          Box // the part of the image that is shown
	Flip         bool
	FlipVertical bool

	// Order is the order of the colour changes: 0 brightness, 1 contrast,
	// 2 saturation, 3 hue. Factors of 1 and a hue of 0 change nothing.
	Order                            [4]uint8
	Brightness, Contrast, Saturation float32
	Hue                              float32

	Gray     bool
	Sigma    float64 // of the blur; 0 is none
	Solarize bool
	Invert   bool
}

// Identity returns the parameters of the view that shows the whole image
// unchanged.
func (a *Augmenter) Identity() Params {
	return Params{Box: Box{0, 0, a.h, a.w}, Order: [4]uint8{0, 1, 2, 3}, Brightness: 1, Contrast: 1, Saturation: 1}
}

// Draw draws the parameters of one view. The distributions are torchvision's.
func (a *Augmenter) Draw(r *rand.Rand) Params {
	c := &a.cfg
	p := a.Identity()
	if c.Crop.on() {
		p.Box = drawBox(r, a.h, a.w, c.Crop)
	}
	p.Flip = chance(r, c.Flip)
	p.FlipVertical = chance(r, c.FlipVertical)
	if chance(r, c.Jitter.P) {
		for i := 3; i > 0; i-- {
			j := r.IntN(i + 1)
			p.Order[i], p.Order[j] = p.Order[j], p.Order[i]
		}
		p.Brightness = drawFactor(r, c.Jitter.Brightness)
		p.Contrast = drawFactor(r, c.Jitter.Contrast)
		p.Saturation = drawFactor(r, c.Jitter.Saturation)
		p.Hue = float32(between(r, -c.Jitter.Hue, c.Jitter.Hue))
	}
	p.Gray = chance(r, c.Gray)
	if chance(r, c.Blur.P) {
		p.Sigma = between(r, c.Blur.Sigma[0], c.Blur.Sigma[1])
	}
	p.Solarize = chance(r, c.Solarize)
	p.Invert = chance(r, c.Invert)
	return p
}

// drawBox is RandomResizedCrop.get_params: a share of the area and a ratio of
// the sides are drawn until they give a rectangle that fits, ten times at most;
// then it is the largest one in the middle whose ratio is allowed.
func drawBox(r *rand.Rand, h, w int, c Crop) Box {
	area := float64(h * w)
	lo, hi := math.Log(c.Ratio[0]), math.Log(c.Ratio[1])
	for range 10 {
		target := area * between(r, c.Scale[0], c.Scale[1])
		ratio := math.Exp(between(r, lo, hi))
		// RoundToEven, as Python's round.
		bw := int(math.RoundToEven(math.Sqrt(target * ratio)))
		bh := int(math.RoundToEven(math.Sqrt(target / ratio)))
		if 0 < bw && bw <= w && 0 < bh && bh <= h {
			return Box{Top: r.IntN(h - bh + 1), Left: r.IntN(w - bw + 1), Height: bh, Width: bw}
		}
	}
	bh, bw := h, w
	if in := float64(w) / float64(h); in < c.Ratio[0] {
		bh = int(math.RoundToEven(float64(w) / c.Ratio[0]))
	} else if in > c.Ratio[1] {
		bw = int(math.RoundToEven(float64(h) * c.Ratio[1]))
	}
	// An allowed ratio may still round to nothing in an image of a pixel or two.
	bh, bw = max(bh, 1), max(bw, 1)
	return Box{Top: (h - bh) / 2, Left: (w - bw) / 2, Height: bh, Width: bw}
}

func drawFactor(r *rand.Rand, x float64) float32 {
	return float32(between(r, max(0, 1-x), 1+x))
}

// chance is true with probability p, and takes no random number where p is 0.
func chance(r *rand.Rand, p float64) bool { return p > 0 && r.Float64() < p }

func between(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
