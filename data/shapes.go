package data

import "math"

// The synthetic images must have the same bits on every processor, because
// splits carry their hashes. Go may round x*y + z once instead of twice where a
// processor can, unless the product is converted explicitly; so each product
// that is added to something goes through mul. Otherwise only +, -, *, / and
// the square root are used, which IEEE 754 defines to the last bit.

func mul(a, b float64) float64 { return float64(a * b) }

// vec is a point or a direction.
type vec struct{ x, y float64 }

func (a vec) add(b vec) vec       { return vec{a.x + b.x, a.y + b.y} }
func (a vec) sub(b vec) vec       { return vec{a.x - b.x, a.y - b.y} }
func (a vec) scale(s float64) vec { return vec{float64(a.x * s), float64(a.y * s)} }
func (a vec) dot(b vec) float64   { return mul(a.x, b.x) + mul(a.y, b.y) }
func (a vec) cross(b vec) float64 { return mul(a.x, b.y) - mul(a.y, b.x) }
func (a vec) len() float64        { return math.Sqrt(a.dot(a)) }

// in a frame whose x axis is the unit vector u
func (a vec) turn(u vec) vec          { return vec{a.dot(u), u.cross(a)} }
func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }

// shape is an outline inside the unit circle.
type shape int

const (
	disc shape = iota
	ring
	square
	triangle
	star
	cross
	crescent
	arrow
	hourglass
	gate
	halfPlane // all points of x < 0: no class, for backgrounds

	numShapes = halfPlane // of classes
)

var shapeNames = [numShapes]string{"disc", "ring", "square", "triangle", "star", "cross", "crescent", "arrow",
	"hourglass", "gate"}

// distance returns the signed distance of p to the outline, negative inside; of
// compound shapes an estimate that is right near the outline.
func (s shape) distance(p vec) float64 {
	switch s {
	case disc:
		return p.len() - 0.9
	case ring:
		return math.Abs(p.len()-0.7) - 0.22
	case square:
		return box(p, vec{0.76, 0.76})
	case triangle:
		return polygon(p, []vec{{0, -1}, {0.87, 0.5}, {-0.87, 0.5}})
	case star:
		return polygon(p, []vec{{0, -1}, {0.259, -0.356}, {0.951, -0.309}, {0.419, 0.136}, {0.588, 0.809},
			{0, 0.44}, {-0.588, 0.809}, {-0.419, 0.136}, {-0.951, -0.309}, {-0.259, -0.356}})
	case cross:
		return min(box(p, vec{0.95, 0.28}), box(p, vec{0.28, 0.95}))
	case crescent:
		return max(p.len()-0.95, 0.78-p.sub(vec{0.45, 0}).len())
	case arrow:
		return polygon(p, []vec{{0, -1}, {0.85, 0}, {0.32, 0}, {0.32, 0.95}, {-0.32, 0.95}, {-0.32, 0}, {-0.85, 0}})
	case hourglass:
		return polygon(p, []vec{{-0.75, -0.85}, {0.75, -0.85}, {0.12, 0}, {0.75, 0.85}, {-0.75, 0.85}, {-0.12, 0}})
	case gate:
		q := vec{math.Abs(p.x) - 0.58, p.y}
		return min(box(q, vec{0.22, 0.8}), box(p.sub(vec{0, -0.58}), vec{0.8, 0.22}))
	case halfPlane:
		return p.x
	}
	panic("data: unknown shape")
}

// box returns the signed distance to a box of half the sides h.
func box(p, h vec) float64 {
	q := vec{math.Abs(p.x), math.Abs(p.y)}.sub(h)
	outside := vec{max(q.x, 0), max(q.y, 0)}
	return outside.len() + min(max(q.x, q.y), 0)
}

// polygon returns the signed distance to a polygon by looking at each edge once
// (I. Quilez, "2D distance functions").
func polygon(p vec, v []vec) float64 {
	d, inside := math.Inf(1), false
	prev := v[len(v)-1]
	for _, cur := range v {
		e, w := prev.sub(cur), p.sub(cur)
		b := w.sub(e.scale(clamp(w.dot(e)/e.dot(e), 0, 1)))
		d = min(d, b.dot(b))
		// Count the edges that a ray from p to the right meets.
		if (cur.y > p.y) != (prev.y > p.y) && (e.cross(w) > 0) == (prev.y > cur.y) {
			inside = !inside
		}
		prev = cur
	}
	if inside {
		return -math.Sqrt(d)
	}
	return math.Sqrt(d)
}
