package data

import "math"

// texture is a pattern of two colours.
type texture int

const (
	stripes texture = iota
	checks
	dots
	rings
	blots
	zigzags
	bricks
	grids
	pluses
	grains
	plain // one colour fading into the other: no class, for backgrounds

	numTextures = plain // of classes
)

var textureNames = [numTextures]string{"striped", "checked", "dotted", "ringed", "blotted",
	"zigzag", "bricked", "gridded", "plussed", "grainy"}

// fill is a texture with all its parameters, in pixels.
type fill struct {
	kind   texture
	colour [2][3]float64 // linear in pixel value, 0 to 1
	origin vec
	dir    vec // unit vector across the stripes
	period float64
	duty   float64 // share of the second colour in a period, for stripes, rings and dots
	seed   uint64  // of the blots
}

// share returns how much of the second colour is at p, 0 to 1. Edges are one
// pixel wide, so that they are smooth but crisp.
func (f *fill) share(p vec) float64 {
	q := p.sub(f.origin).turn(f.dir)
	switch f.kind {
	case stripes:
		return edge(f.band(q.x))
	case checks:
		// The product of two square waves of amplitude one half.
		a, b := edge(f.halves(q.x))-0.5, edge(f.halves(q.y))-0.5
		return 0.5 + 2*float64(a*b)
	case dots:
		cell := vec{wrap(q.x, f.period), wrap(q.y, f.period)}
		return edge(cell.len() - float64(f.period*(0.2+float64(0.3*f.duty))))
	case rings:
		return edge(f.band(q.len()))
	case blots:
		return f.blot(q, f.period)
	case grains:
		return f.blot(q, 0.3*f.period)
	case zigzags:
		return edge(f.band(q.x + math.Abs(wrap(q.y, 1.5*f.period))))
	case bricks:
		// Joints between rows, and upright ones that alternate from row to row.
		row := math.Floor(q.y / f.period)
		joint := wrap(q.x+float64(row*f.period), 2*f.period)
		return max(edge(math.Abs(wrap(q.y, f.period))-f.line()), edge(math.Abs(joint)-f.line()))
	case grids:
		return max(edge(math.Abs(wrap(q.x, f.period))-f.line()), edge(math.Abs(wrap(q.y, f.period))-f.line()))
	case pluses:
		cell := vec{wrap(q.x, f.period), wrap(q.y, f.period)}
		arm, width := 0.36*f.period, 0.13*f.period
		return edge(min(box(cell, vec{arm, width}), box(cell, vec{width, arm})))
	case plain:
		return clamp(0.5+q.x/float64(f.period*8), 0, 1)
	}
	panic("data: unknown texture")
}

// edge turns a distance in pixels into the share of a pixel that is inside.
func edge(d float64) float64 { return clamp(0.5-d, 0, 1) }

// wrap returns x less the nearest multiple of period.
func wrap(x, period float64) float64 {
	return x - float64(period*math.Floor(x/period+0.5))
}

// band returns the distance to the nearest stripe around a multiple of the
// period, halves to the nearest one half a period wide.
func (f *fill) band(x float64) float64 {
	return math.Abs(wrap(x, f.period)) - float64(0.5*f.duty*f.period)
}
func (f *fill) halves(x float64) float64 {
	return math.Abs(wrap(x, f.period)) - 0.25*f.period
}

// line is half the width of the lines of bricks and grids.
func (f *fill) line() float64 { return float64(0.2 * f.duty * f.period) }

// blot returns the share of the second colour in spots of the given size.
func (f *fill) blot(q vec, size float64) float64 {
	return clamp(0.5+float64((noise(f.seed, q.x/size, q.y/size)-0.5)*4*size), 0, 1)
}

// noise is value noise (K. Perlin's lattice with values in place of gradients):
// a random value at each point of the integer lattice, smooth between them.
func noise(seed uint64, x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	u, v := smooth(x-fx), smooth(y-fy)
	ix, iy := uint64(int64(fx)), uint64(int64(fy))
	top := lerp(lattice(seed, ix, iy), lattice(seed, ix+1, iy), u)
	bottom := lerp(lattice(seed, ix, iy+1), lattice(seed, ix+1, iy+1), u)
	return lerp(top, bottom, v)
}

func lerp(a, b, t float64) float64 { return a + float64((b-a)*t) }

func smooth(t float64) float64 { return float64(t*t) * (3 - float64(2*t)) }

// lattice hashes a lattice point to [0, 1) (MurmurHash3's finaliser).
func lattice(seed, x, y uint64) float64 {
	h := seed + x*0x9e3779b97f4a7c15 + y*0xc2b2ae3d27d4eb4f
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return float64((h^h>>33)>>11) * 0x1p-53
}
