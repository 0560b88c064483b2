package augment

import "fmt"

// The functions of this file change pixels in place: p is (N,c) for any number
// N of pixels of one image, in [0,1], and stays in [0,1]. Saturation, Hue and
// Gray leave images of one channel as they are, as torchvision does.

// The weights of red, green and blue in brightness (ITU-R BT.601, rounded as in
// torchvision).
const redShare, greenShare, blueShare = 0.2989, 0.587, 0.114

// Brightness multiplies by a factor of 0 or more (torchvision's
// adjust_brightness).
func Brightness(p []float32, factor float32) {
	for i, v := range p {
		p[i] = min(v*factor, 1)
	}
}

// Contrast moves every value away from the mean brightness of the image, or
// towards it for factors under 1 (adjust_contrast).
func Contrast(p []float32, c int, factor float32) {
	var sum float64
	if checkChannels(len(p), c); c == 1 {
		for _, v := range p {
			sum += float64(v)
		}
	} else {
		for q := p; len(q) >= 3; q = q[3:] {
			sum += float64(gray(q[0], q[1], q[2]))
		}
	}
	mean := float32(sum / float64(len(p)/c))
	add := (1 - factor) * mean
	for i, v := range p {
		p[i] = clamp(v*factor + add)
	}
}

// Saturation moves every pixel away from its gray value, or towards it for
// factors under 1 (adjust_saturation).
func Saturation(p []float32, c int, factor float32) {
	if checkChannels(len(p), c); c == 1 {
		return
	}
	for q := p; len(q) >= 3; q = q[3:] {
		add := (1 - factor) * gray(q[0], q[1], q[2])
		q[0] = clamp(q[0]*factor + add)
		q[1] = clamp(q[1]*factor + add)
		q[2] = clamp(q[2]*factor + add)
	}
}

// Gray sets the channels of every pixel to its gray value (rgb_to_grayscale).
func Gray(p []float32, c int) {
	if checkChannels(len(p), c); c == 1 {
		return
	}
	for q := p; len(q) >= 3; q = q[3:] {
		v := gray(q[0], q[1], q[2])
		q[0], q[1], q[2] = v, v, v
	}
}

// Hue turns the hue of every pixel by a share of the colour circle in
// [-0.5, 0.5] (adjust_hue).
//
// torchvision goes through hue, saturation and value. Saturation only ever
// occurs times value there, which is the range of the three channels, so that
// one division a pixel is enough.
func Hue(p []float32, c int, shift float32) {
	if checkChannels(len(p), c); c == 1 {
		return
	}
	turn := 6 * shift
	if turn < 0 {
		turn += 6
	}
	for q := p; len(q) >= 3; q = q[3:] {
		r, g, b := q[0], q[1], q[2]
		hi, lo := max(r, g, b), min(r, g, b)
		span := hi - lo
		if span == 0 {
			continue // gray has no hue
		}
		// Hue in sixths of the circle, in [-1, 5], by the largest channel.
		var h float32
		switch hi {
		case r:
			h = (g - b) / span
		case g:
			h = 2 + (b-r)/span
		default:
			h = 4 + (r-g)/span
		}
		h += turn
		if h < 0 {
			h += 6
		}
		if h >= 6 {
			h -= 6
		}
		sector := int(h)
		part := (h - float32(sector)) * span
		mix := [4]float32{hi, lo, hi - part, lo + part}
		s := &sectors[sector&7]
		q[0], q[1], q[2] = mix[s[0]&3], mix[s[1]&3], mix[s[2]&3]
	}
}

// sectors says for each sixth of the colour circle whether red, green and blue
// are the highest value (0), the lowest (1), falling (2) or rising (3). Rounding
// may reach sector 6, which is 0.
var sectors = [8][3]uint8{{0, 3, 1}, {2, 0, 1}, {1, 0, 3}, {1, 2, 0}, {3, 1, 0}, {0, 1, 2}, {0, 3, 1}, {}}

// Solarize replaces every value of at least the threshold by 1 less the value
// (solarize).
func Solarize(p []float32, threshold float32) {
	for i, v := range p {
		if v >= threshold {
			p[i] = 1 - v
		}
	}
}

// Invert makes the photographic negative: 1 less every value (invert).
func Invert(p []float32) {
	for i, v := range p {
		p[i] = 1 - v
	}
}

// Normalize replaces x by (x-mean)/std of its channel.
func Normalize(p []float32, mean, std []float32) {
	c := len(mean)
	if checkChannels(len(p), c); c == 1 {
		for i, v := range p {
			p[i] = (v - mean[0]) / std[0]
		}
		return
	}
	m0, m1, m2 := mean[0], mean[1], mean[2]
	s0, s1, s2 := 1/std[0], 1/std[1], 1/std[2]
	for q := p; len(q) >= 3; q = q[3:] {
		q[0] = (q[0] - m0) * s0
		q[1] = (q[1] - m1) * s1
		q[2] = (q[2] - m2) * s2
	}
}

func gray(r, g, b float32) float32 { return redShare*r + greenShare*g + blueShare*b }

func clamp(v float32) float32 { return min(max(v, 0), 1) }

func checkChannels(n, c int) {
	if c != 1 && c != 3 || n%c != 0 {
		panic(fmt.Sprintf("augment: %d values are no image of %d channels, 1 or 3 expected", n, c))
	}
}
