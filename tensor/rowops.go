package tensor

import (
	"fmt"
	"math"
)

// Distance is a distance between two activations of one layer, flattened to
// vectors a and b.
type Distance uint8

// The distances. UnitL2 is the l2 distance of a/|a| and b/|b|, which is
// sqrt(2 - 2 cos). A zero vector has no direction: its cosine with another vector
// is taken as 0 (unit-l2 sqrt(2), cosine distance 1, angular 1/2) and with another
// zero vector as 1 (distance 0), so that equal activations are always 0 apart.
const (
	DistanceL1      Distance = iota // sum |a-b|
	DistanceL2                      // sqrt(sum (a-b)^2)
	DistanceCosine                  // 1 - cos(a, b), in [0, 2]
	DistanceAngular                 // arccos(cos(a, b))/pi, in [0, 1]
	DistanceUnitL2                  // |a/|a| - b/|b||, in [0, 2]
)

// byDirection tells whether only the directions of the two vectors count.
func (d Distance) byDirection() bool { return d >= DistanceCosine }

// viewChunk is the number of floats of a row that all pairs of views go through
// before the next ones: ten views of it stay in the first-level cache.
const viewChunk = 1 << 10

// The kernels add squares in float32. A sum of squares in this range lost nothing to
// overflow and next to nothing to underflow; others are added again in float64.
const (
	leastSquares   = 1e-20
	largestSquares = 1e30
)

// ViewDistances returns one number for each point: the mean distance over pairs
// of its views. x is [N*views, ...]: the views of a point are consecutive rows.
// The pairs are all of two different views or, with first, those of the first
// view and another.
//
// Finite activations give a finite result whatever their size: an intermediate
// sum neither overflows nor underflows. The relative error of l1 and l2 is about
// 1e-7. The three distances by direction subtract unit vectors, in float32, instead of
// taking 1 - cos: unit-l2 has an absolute error of at most 2e-7, so a relative one of
// 2e-7/d at distance d, the cosine distance twice that, and the angular distance an
// absolute error of 2e-7. Vectors that are equal, or equal up to a power of 2 as a
// factor, are at 0 exactly by them. A NaN or an infinity in a point's activations makes its
// mean NaN or infinite. It panics if views is below 2 or does not divide the rows.
func (e *Engine) ViewDistances(d Distance, x *Tensor, views int, first bool) []float64 {
	n := x.points("ViewDistances", views)
	if views < 2 {
		panic(fmt.Sprintf("tensor: ViewDistances: %d views, expected 2 or more", views))
	}
	if d > DistanceUnitL2 {
		panic(fmt.Sprintf("tensor: ViewDistances: unknown distance %d", d))
	}
	lefts := views - 1 // views that stand on the left of a pair
	pairs := views * (views - 1) / 2
	if first {
		lefts, pairs = 1, views-1
	}
	width := len(x.data) / max(1, x.Dim(0))
	mean := make([]float64, n)
	size := pairs + views
	sums := make([]float64, n*size) // of each point: its pairs, then the inverse norms of its views
	var scratch []float32           // of each worker: a chunk of all views
	if d.byDirection() {
		scratch = make([]float32, e.Threads()*views*min(width, viewChunk))
	}
	e.pool.Run(n, func(p, worker int) {
		v := viewPairs{
			rows: x.data[p*views*width:][:views*width], width: width, lefts: lefts,
			sum: sums[p*size:][:pairs], inverse: sums[p*size+pairs:][:views],
		}
		if d.byDirection() {
			part := views * min(width, viewChunk)
			v.units(e, scratch[worker*part:][:part])
		} else {
			v.plain(e, d)
		}
		total := 0.0
		v.each(func(k, i, j int) { total += v.distance(d, k, i, j) })
		mean[p] = total / float64(pairs)
	})
	return mean
}

// viewPairs are the pairs of the views of one point.
type viewPairs struct {
	rows  []float32 // [views, width]
	width int
	lefts int
	// sum holds, for each pair, sum |a-b| or sum (a-b)^2, of unit vectors where the
	// distance is by direction; then inverse holds 1/|a| of each view, or what 1/|a|
	// is of a vector without direction: +Inf of a zero vector, NaN.
	sum, inverse []float64
}

func (v *viewPairs) row(i int) []float32 { return v.rows[i*v.width:][:v.width] }

// each calls f with the number of every pair and its two views.
func (v *viewPairs) each(f func(k, i, j int)) {
	k := 0
	for i := range v.lefts {
		for j := i + 1; j < len(v.inverse); j++ {
			f(k, i, j)
			k++
		}
	}
}

// plain adds up the pairs for the distances l1 and l2.
func (v *viewPairs) plain(e *Engine, d Distance) {
	kernel := e.k.L1
	if d == DistanceL2 {
		kernel = e.k.L2Sq
	}
	for lo := 0; lo < v.width; lo += viewChunk {
		hi := min(lo+viewChunk, v.width)
		v.each(func(k, i, j int) { v.sum[k] += kernel(v.row(i)[lo:hi], v.row(j)[lo:hi]) })
	}
	v.each(func(k, i, j int) {
		if d == DistanceL1 && v.sum[k]-v.sum[k] != 0 {
			v.sum[k] = sumOver(v.row(i), v.row(j), func(a, b float64) float64 { return math.Abs(a - b) })
		} else if d == DistanceL2 && !inRange(v.sum[k]) {
			v.sum[k] = sumOver(v.row(i), v.row(j), func(a, b float64) float64 { return (a - b) * (a - b) })
		}
	})
}

// units adds up the squared differences of unit vectors. scratch holds a chunk of all
// views.
func (v *viewPairs) units(e *Engine, scratch []float32) {
	for i := range v.inverse {
		squares, row := 0.0, v.row(i)
		for lo := 0; lo < v.width; lo += viewChunk {
			part := row[lo:min(lo+viewChunk, v.width)]
			squares += e.k.Dot(part, part)
		}
		if !inRange(squares) {
			squares = sumOver(row, row, func(a, b float64) float64 { return a * b })
		}
		v.inverse[i] = 1 / math.Sqrt(squares)
	}
	for lo := 0; lo < v.width; lo += viewChunk {
		n := min(lo+viewChunk, v.width) - lo
		for i, inverse := range v.inverse {
			to, from := scratch[i*n:][:n], v.row(i)[lo:lo+n]
			switch s := float32(inverse); {
			case inverse > 1e-15 && inverse < 1e15:
				e.k.Scale(to, from, s)
			case math.IsInf(inverse, 1): // a zero vector
				clear(to)
			default: // the factor, or a product, may not be a normal float32
				for k, x := range from {
					to[k] = float32(float64(x) * inverse)
				}
			}
		}
		v.each(func(k, i, j int) { v.sum[k] += e.k.L2Sq(scratch[i*n:][:n], scratch[j*n:][:n]) })
	}
}

// distance returns that of a pair.
func (v *viewPairs) distance(d Distance, k, i, j int) float64 {
	switch d {
	case DistanceL1:
		return v.sum[k]
	case DistanceL2:
		return math.Sqrt(v.sum[k])
	}
	square := v.sum[k] // of the distance of unit vectors, 2 - 2 cos
	switch zeroI, zeroJ := math.IsInf(v.inverse[i], 1), math.IsInf(v.inverse[j], 1); {
	case v.inverse[i] == 0 || v.inverse[j] == 0: // an infinite activation has no direction
		return math.NaN()
	case zeroI && zeroJ:
		square = 0
	case zeroI != zeroJ:
		square = 2 + 0*square // NaN stays NaN
	}
	square = min(4, square)
	switch d {
	case DistanceUnitL2:
		return math.Sqrt(square)
	case DistanceCosine:
		return square / 2
	}
	// With half the distance for the sine of half the angle; of obtuse angles, where
	// that is ill-conditioned, by the opposite of one vector.
	if square <= 2 {
		return 2 * math.Asin(math.Sqrt(square)/2) / math.Pi
	}
	fi, fj := v.inverse[i], v.inverse[j]
	opposite := sumOver(v.row(i), v.row(j), func(a, b float64) float64 { return (a*fi + b*fj) * (a*fi + b*fj) })
	return 1 - 2*math.Asin(math.Sqrt(min(opposite, 4))/2)/math.Pi
}

// inRange tells whether a sum of squares by a kernel can be relied on.
func inRange(squares float64) bool { return squares >= leastSquares && squares <= largestSquares }

// sumOver adds up f of the elements of two rows in float64.
func sumOver(a, b []float32, f func(a, b float64) float64) (sum float64) {
	for i := range a {
		sum += f(float64(a[i]), float64(b[i]))
	}
	return sum
}

// unitChunk is the number of positions summed in float32 before they are added
// in float64.
const unitChunk = 64

// UnitMeans returns the mean activation of every unit for every point, [N, C]
// row by row: the mean over the point's views from number skip on and over all
// positions (pixels or tokens). x is [N*views, ..., C], the views of a point
// being consecutive rows. With absolute the mean is that of |x|. A NaN or an
// infinity makes the means of its unit NaN or infinite. It panics if views does
// not divide the rows or skip leaves no view.
func (e *Engine) UnitMeans(x *Tensor, views, skip int, absolute bool) []float64 {
	n := x.points("UnitMeans", views)
	if skip < 0 || skip >= views {
		panic(fmt.Sprintf("tensor: UnitMeans: skip %d of %d views", skip, views))
	}
	c := x.Dim(-1)
	width := len(x.data) / max(1, x.Dim(0))
	mean := make([]float64, n*c)
	parts := make([]float32, e.Threads()*c)
	e.pool.Run(n, func(p, worker int) {
		sum := mean[p*c:][:c]
		rows := x.data[(p*views+skip)*width : (p+1)*views*width]
		if absolute {
			for r := rows; len(r) > 0; r = r[c:] {
				for u, v := range r[:c] {
					sum[u] += math.Abs(float64(v))
				}
			}
		} else {
			e.addUnitSums(sum, parts[worker*c:][:c], rows, width)
		}
		count := float64(len(rows) / c)
		for u := range sum {
			sum[u] /= count
		}
	})
	return mean
}

// addUnitSums adds the column sums of rows, each of width floats, to sum; part
// is scratch of the same length. Chunks never cross rows, so that the result
// for a view does not depend on which views stand beside it.
func (e *Engine) addUnitSums(sum []float64, part, rows []float32, width int) {
	c := len(sum)
	for ; len(rows) > 0; rows = rows[width:] {
		for lo := 0; lo < width; lo += unitChunk * c {
			hi := min(lo+unitChunk*c, width)
			clear(part)
			e.k.ColSum(part, rows[lo:hi], (hi-lo)/c)
			for u, v := range part {
				if v-v != 0 { // an overflow, or what was not finite before
					for k := lo + u; k < hi; k += c {
						sum[u] += float64(rows[k])
					}
					continue
				}
				sum[u] += float64(v)
			}
		}
	}
}

// points returns how many points the rows of x belong to, of which views
// consecutive ones make a point.
func (t *Tensor) points(op string, views int) int {
	if t.Rank() < 2 || t.Dim(-1) == 0 || views < 1 || t.Dim(0)%views != 0 {
		panic(fmt.Sprintf("tensor: %s: shape %v, expected [points*%d, ..., units]", op, t.shape, views))
	}
	return t.Dim(0) / views
}
