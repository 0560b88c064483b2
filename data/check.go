package data

import (
	"crypto/sha256"
	"math"
)

// Summary is what Check finds out about a data set.
type Summary struct {
	Name       string      `json:"name"`
	Images     int         `json:"images"`
	Shape      [3]int      `json:"shape"` // height, width, channels
	Classes    []ClassSize `json:"classes"`
	Atypical   int         `json:"atypical"`
	Groups     int         `json:"groups,omitempty"` // different ones that images are known to be of
	Duplicates [][2]int    `json:"duplicates"`       // image, and the first one of equal pixels
	// Across holds, for the test part, image and the first one of equal pixels of the
	// training part (CheckParts).
	Across  [][2]int  `json:"duplicates_across,omitempty"`
	Skipped []Skipped `json:"skipped,omitempty"` // files left out (SkippedOf)
	Notes   []string  `json:"notes,omitempty"`   // what was guessed (NotesOf)
	Mean    []float64 `json:"mean"`              // per channel, pixels scaled to [0,1]
	Std     []float64 `json:"std"`               // per channel, over all pixels of all images
}

// ClassSize is the number of images of one class.
type ClassSize struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
}

// Check counts what is in a data set. Images of equal pixels are duplicates
// whatever their labels: one in the training set of an encoder and its double
// outside of it would spoil every score of memorization.
func Check(d Dataset) Summary {
	s, _ := check(d)
	return s
}

// CheckParts is Check of both parts, and of equal images across them.
func CheckParts(train, test Dataset) [2]Summary {
	a, first := check(train)
	b, _ := check(test)
	for i := range test.Len() {
		if j, ok := first[sha256.Sum256(test.Image(i))]; ok {
			b.Across = append(b.Across, [2]int{i, j})
		}
	}
	return [2]Summary{a, b}
}

// check also returns the first image of each sum of pixels.
func check(d Dataset) (Summary, map[[sha256.Size]byte]int) {
	h, w, c := d.Shape()
	s := Summary{Name: d.Name(), Images: d.Len(), Shape: [3]int{h, w, c}, Duplicates: [][2]int{},
		Skipped: SkippedOf(d), Notes: NotesOf(d)}
	for _, name := range d.Classes() {
		s.Classes = append(s.Classes, ClassSize{Name: name})
	}
	first := make(map[[sha256.Size]byte]int, d.Len())
	groups := make(map[string]bool)
	counts := make([][256]int, c)
	for i := range d.Len() {
		s.Classes[d.Label(i)].Images++
		if Atypical(d, i) {
			s.Atypical++
		}
		if g := Group(d, i); g != "" {
			groups[g] = true
		}
		img := d.Image(i)
		sum := sha256.Sum256(img)
		if j, ok := first[sum]; ok {
			s.Duplicates = append(s.Duplicates, [2]int{i, j})
		} else {
			first[sum] = i
		}
		for k := 0; k < len(img); k += c {
			for ch, v := range img[k : k+c] {
				counts[ch][v]++
			}
		}
	}
	s.Groups = len(groups)
	for ch := range counts {
		mean, std := moments(&counts[ch])
		s.Mean, s.Std = append(s.Mean, mean), append(s.Std, std)
	}
	return s, first
}

// moments returns mean and standard deviation of value/255 given how often each
// value occurs; zeros where there is none.
func moments(counts *[256]int) (mean, std float64) {
	var n, sum, squares float64
	for v, k := range counts {
		x, m := float64(v)/255, float64(k)
		n += m
		sum += m * x
		squares += m * x * x
	}
	if n == 0 {
		return 0, 0
	}
	mean = sum / n
	return mean, math.Sqrt(max(0, squares/n-mean*mean))
}
