package tensor

import (
	"fmt"
	"math"
)

// Distance is a distance between two activations of one layer, flattened to
// vectors a and b.
type Distance uint8

// The distances. A zero vector has no direction; its cosine with another vector
// is taken as 0 (cosine distance 1, angular 1/2) and with another zero vector
// as 1 (distance 0), so that equal activations are always 0 apart.
const (
	DistanceL1      Distance = iota // sum |a-b|
	DistanceL2                      // sqrt(sum (a-b)^2)
	DistanceCosine                  // 1 - cos(a, b), in [0, 2]
	DistanceAngular                 // arccos(cos(a, b))/pi, in [0, 1]
)

// viewChunk is the number of floats of a row that all pairs of views go through
// before the next ones: ten views of it stay in the first-level cache.
const viewChunk = 1 << 10

// ViewDistances returns one number for each point: the mean distance over pairs
// of its views. x is [N*views, ...]: the views of a point are consecutive rows.
// The pairs are all of two different views or, with first, those of the first
// view and another. Sums are in float64 over short partial sums that kernels
// may keep in float32, which leaves a relative error of about 1e-7; only the
// angular distance of vectors almost on one line is worse, up to 3e-4. Equal
// vectors are at 0 exactly. A NaN or an infinity in a point's activations makes
// its mean NaN or infinite. It panics if views is below 2 or does not divide the
// rows.
func (e *Engine) ViewDistances(d Distance, x *Tensor, views int, first bool) []float64 {
	n := x.points("ViewDistances", views)
	if views < 2 {
		panic(fmt.Sprintf("tensor: ViewDistances: %d views, expected 2 or more", views))
	}
	if d > DistanceAngular {
		panic(fmt.Sprintf("tensor: ViewDistances: unknown distance %d", d))
	}
	lefts := views - 1 // views that stand on the left of a pair
	pairs := views * (views - 1) / 2
	if first {
		lefts, pairs = 1, views-1
	}
	mean := make([]float64, n)
	size := pairs + views
	sums := make([]float64, n*size) // of each point: its pairs, then its squared norms
	e.pool.Run(n, func(p, _ int) {
		sum, norm := sums[p*size:][:pairs], sums[p*size+pairs:][:views]
		e.viewSums(d, x, p, lefts, sum, norm)
		k, total := 0, 0.0
		for i := range lefts {
			for j := i + 1; j < views; j++ {
				total += d.finish(sum[k], norm[i], norm[j])
				k++
			}
		}
		mean[p] = total / float64(pairs)
	})
	return mean
}

// viewSums adds up what the distances of the views of point p need: for each
// pair of views sum |a-b|, sum (a-b)^2 or sum a*b and, for the last, the squared
// norm of every view.
func (e *Engine) viewSums(d Distance, x *Tensor, p, lefts int, sum, norm []float64) {
	views := len(norm)
	width := len(x.data) / x.Dim(0)
	rows := x.data[p*views*width:][:views*width]
	kernel := e.k.Dot
	switch d {
	case DistanceL1:
		kernel = e.k.L1
	case DistanceL2:
		kernel = e.k.L2Sq
	}
	for lo := 0; lo < width; lo += viewChunk {
		hi := min(lo+viewChunk, width)
		part := func(v int) []float32 { return rows[v*width+lo : v*width+hi] }
		k := 0
		for i := range lefts {
			for j := i + 1; j < views; j++ {
				sum[k] += kernel(part(i), part(j))
				k++
			}
		}
		if d == DistanceCosine || d == DistanceAngular {
			for v := range norm {
				norm[v] += e.k.Dot(part(v), part(v))
			}
		}
	}
}

// finish turns the sum over a pair into its distance; na and nb are the squared
// norms of the two.
func (d Distance) finish(sum, na, nb float64) float64 {
	switch d {
	case DistanceL1:
		return sum
	case DistanceL2:
		return math.Sqrt(sum)
	}
	// For equal vectors sqrt(na*nb) is na to the last bit, so their cosine is 1.
	cos := sum / math.Sqrt(na*nb)
	switch {
	case na == 0 && nb == 0:
		cos = 1
	case na == 0 || nb == 0:
		cos = sum // 0, or NaN where the other vector holds one
	}
	cos = max(-1, min(1, cos)) // NaN stays NaN
	if d == DistanceCosine {
		return 1 - cos
	}
	return math.Acos(cos) / math.Pi
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
