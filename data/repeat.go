package data

import "fmt"

// repeated is some images of a data set, over and over.
type repeated struct {
	Dataset
	points []int
	times  int
}

// Repeat returns the given images of d, times over: image i is d's image
// points[i mod len(points)]. Views of it, which depend on the index, are others
// every time, so that a batch can be filled with views of one image. It panics if
// there is nothing to repeat, or a point is not there.
func Repeat(d Dataset, points []int, times int) Dataset {
	if len(points) == 0 || times < 1 {
		panic(fmt.Sprintf("data: Repeat of %d images %d times", len(points), times))
	}
	for _, p := range points {
		if p < 0 || p >= d.Len() {
			panic(fmt.Sprintf("data: Repeat of image %d of %s, which has %d", p, d.Name(), d.Len()))
		}
	}
	return &repeated{d, points, times}
}

func (r *repeated) at(i int) int { return r.points[i%len(r.points)] }

func (r *repeated) Name() string {
	return fmt.Sprintf("%d images of %s, %d times", len(r.points), r.Dataset.Name(), r.times)
}
func (r *repeated) Len() int            { return len(r.points) * r.times }
func (r *repeated) Label(i int) int     { return r.Dataset.Label(r.at(i)) }
func (r *repeated) Image(i int) []uint8 { return r.Dataset.Image(r.at(i)) }
func (r *repeated) Atypical(i int) bool { return Atypical(r.Dataset, r.at(i)) }
func (r *repeated) Group(i int) string  { return Group(r.Dataset, r.at(i)) }
