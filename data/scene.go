package data

import (
	"math"
	"math/rand/v2"
)

// layer is a textured shape on the canvas, in pixels.
type layer struct {
	shape  shape
	centre vec
	dir    vec // unit vector: the shape's x axis
	radius float64
	fill   fill
}

// scene is all that an image shows, back to front.
type scene struct {
	layers []layer
	light  vec     // brightness rises by light per radius of the image
	grain  float64 // amplitude of the noise of single pixels, of 255
	noise  *rand.Rand
}

// The shapes have muted colours of strong contrast, so that their textures are
// what two views of one have in common; the backgrounds have vivid ones. With
// vivid colours everywhere SimCLR went by colours alone and learnt nothing about
// the classes.
const muted, vivid = 0.4, 1.0

// newScene draws the scene of one image of class k.
func newScene(r *rand.Rand, k int, o SyntheticOptions, atypical bool) *scene {
	size := float64(o.Size)
	unit := size / 32
	s := &scene{light: direction(r).scale(between(r, 0, 0.25)), grain: between(r, 2, 10), noise: r}
	anywhere := func() vec { return vec{between(r, 0, size), between(r, 0, size)} }

	// The background: two to four regions of their own colours and textures.
	back := layer{shape: halfPlane, centre: vec{3 * size, 0}, dir: vec{1, 0}, radius: 1, fill: background(r, unit)}
	s.layers = append(s.layers, back)
	for range 1 + r.IntN(3) {
		region := layer{shape: halfPlane, centre: anywhere(), dir: direction(r), radius: 1, fill: background(r, unit)}
		if r.IntN(2) == 0 {
			region.shape, region.radius = disc, between(r, 0.3, 0.6)*size
		}
		s.layers = append(s.layers, region)
	}
	// Clutter, small and of any kind.
	for range r.IntN(4) {
		s.layers = append(s.layers, layer{shape: shape(r.IntN(int(numShapes))), centre: anywhere(), dir: direction(r),
			radius: between(r, 2, 4) * unit, fill: newFill(r, texture(r.IntN(int(numTextures)+1)), unit, muted)})
	}
	main := layer{shape: classShape(k), dir: direction(r), radius: between(r, 10, 16) * unit,
		centre: vec{between(r, 0.35, 0.65) * size, between(r, 0.35, 0.65) * size}, fill: newFill(r, classTexture(k), unit,
			muted)}
	if !atypical {
		s.layers = append(s.layers, main)
		return s
	}
	other := (k + 1 + r.IntN(o.Classes-1)) % o.Classes
	switch r.IntN(4) {
	case 0: // tiny
		main.radius = between(r, 3, 4) * unit
		s.layers = append(s.layers, main)
	case 1: // mostly covered
		cover := layer{shape: square, dir: direction(r), radius: main.radius, fill: background(r, unit)}
		cover.centre = main.centre.add(direction(r).scale(0.45 * main.radius))
		s.layers = append(s.layers, main, cover)
	case 2: // overlapped by one of another class
		over := layer{shape: classShape(other), dir: direction(r), radius: main.radius,
			fill: newFill(r, classTexture(other), unit, muted)}
		over.centre = main.centre.add(direction(r).scale(0.8 * main.radius))
		s.layers = append(s.layers, main, over)
	case 3: // the texture of another class, or none
		main.fill.kind = classTexture(other)
		if main.fill.kind == classTexture(k) {
			main.fill.kind = plain
		}
		s.layers = append(s.layers, main)
	}
	return s
}

// newFill draws colours, scale and direction of a texture; the saturation of the
// colours is at most saturation.
func newFill(r *rand.Rand, kind texture, unit, saturation float64) fill {
	f := fill{kind: kind, dir: direction(r), period: between(r, 4, 7.5) * unit, duty: between(r, 0.35, 0.65),
		seed: r.Uint64()}
	f.origin = vec{between(r, 0, 32) * unit, between(r, 0, 32) * unit}
	// Colours that can be told apart; the last try is taken as it is.
	for range 8 {
		f.colour = [2][3]float64{colour(r, saturation), colour(r, saturation)}
		if contrast(f.colour[0], f.colour[1]) > 1 {
			break
		}
	}
	return f
}

// background draws a fill that is often plain and never of full contrast.
func background(r *rand.Rand, unit float64) fill {
	kind := plain
	if r.IntN(2) == 0 {
		kind = texture(r.IntN(int(numTextures)))
	}
	f := newFill(r, kind, unit, vivid)
	t := between(r, 0.15, 0.6)
	for ch := range 3 {
		f.colour[1][ch] = lerp(f.colour[0][ch], f.colour[1][ch], t)
	}
	return f
}

func between(r *rand.Rand, lo, hi float64) float64 { return lerp(lo, hi, r.Float64()) }

// direction draws a unit vector, by rejection because sines are not the same on
// all processors.
func direction(r *rand.Rand) vec {
	for {
		v := vec{between(r, -1, 1), between(r, -1, 1)}
		if n := v.len(); n > 0.1 && n <= 1 {
			return vec{v.x / n, v.y / n}
		}
	}
}

// colour draws red, green and blue in [0,1] by hue, saturation and value; the
// saturation is at most most.
func colour(r *rand.Rand, most float64) [3]float64 {
	h, s, v := between(r, 0, 6), between(r, 0, most), between(r, 0.1, 1)
	var out [3]float64
	for ch, at := range [3]float64{0, 2, 4} {
		d := math.Abs(h - at) // distance on the circle of six to the pure colour
		d = min(d, 6-d)
		out[ch] = float64(v * (1 - float64(s*clamp(d-1, 0, 1))))
	}
	return out
}

// contrast is the sum over the channels of how far two colours lie apart.
func contrast(a, b [3]float64) float64 {
	return math.Abs(a[0]-b[0]) + math.Abs(a[1]-b[1]) + math.Abs(a[2]-b[2])
}

// canvas is what scenes are drawn on.
type canvas struct {
	size int
	px   [][3]float64
}

func newCanvas(size int) *canvas { return &canvas{size: size, px: make([][3]float64, size*size)} }

// draw draws the scene into img (size,size,3).
func (c *canvas) draw(s *scene, img []uint8) {
	for i := range s.layers {
		c.paint(&s.layers[i])
	}
	half := float64(c.size) / 2
	for y := range c.size {
		for x := range c.size {
			at := vec{float64(x) + 0.5 - half, float64(y) + 0.5 - half}
			light := 1 + s.light.dot(at)/half
			bits := s.noise.Uint64()
			px, out := &c.px[y*c.size+x], img[(y*c.size+x)*3:]
			for ch := range 3 {
				// The sum of two uniform numbers, triangular around 0.
				n := float64(bits&0xff) + float64(bits>>8&0xff) - 255
				bits >>= 16
				out[ch] = uint8(clamp(float64(px[ch]*light*255)+float64(s.grain*n/255)+0.5, 0, 255))
			}
		}
	}
}

// paint puts one layer over what is there.
func (c *canvas) paint(l *layer) {
	x0, x1, y0, y1 := 0, c.size, 0, c.size
	if l.shape != halfPlane { // all other shapes lie in their circle
		reach := l.radius + 1
		x0, x1 = max(x0, int(l.centre.x-reach)), min(x1, int(l.centre.x+reach)+1)
		y0, y1 = max(y0, int(l.centre.y-reach)), min(y1, int(l.centre.y+reach)+1)
	}
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			p := vec{float64(x) + 0.5, float64(y) + 0.5}
			q := p.sub(l.centre).turn(l.dir)
			cover := edge(float64(l.radius * l.shape.distance(vec{q.x / l.radius, q.y / l.radius})))
			if cover == 0 {
				continue
			}
			t := l.fill.share(p)
			px := &c.px[y*c.size+x]
			for ch := range 3 {
				px[ch] = lerp(px[ch], lerp(l.fill.colour[0][ch], l.fill.colour[1][ch], t), cover)
			}
		}
	}
}
