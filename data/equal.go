package data

import (
	"crypto/sha256"
	"fmt"
)

// Equal is how many images of one set of a split have the same pixels as one of another.
type Equal struct {
	Sets   [2]string // their names
	Images int       // of the first set, with at least one equal image in the second
	Of     int       // images of the first set
	First  [2]int    // the first of them, and an equal one: indices into their parts
}

// pairsOfSets are the pairs in which equal images matter, and what they do to scores.
var pairsOfSets = []struct{ a, b, does string }{
	{"candidate", "shared", "g trained on them too, so what f memorized of them does not show"},
	{"candidate", "independent", "g trained on them too, so what f memorized of them does not show"},
	{"candidate", "external", "f trained on these external images, which are meant to be unknown to it"},
	{"independent", "shared", "f trained on them too, so what g memorized of them does not show, and the controlled score is too small"},
	{"independent", "external", "g trained on these external images, which are meant to be unknown to it"},
	{"shared", "external", "both encoders trained on these external images, which are meant to be unknown to them"},
}

// EqualAcross returns where the sets of a split hold images of the same pixels, whatever
// their labels, as the SHA-256 of the pixels tells. train and test are the data that the
// split was made from. Every such image spoils a score (Equal.Note).
func (s *Split) EqualAcross(train, test Dataset) []Equal {
	first := map[string]map[[sha256.Size]byte]int{} // of each set
	sums := map[string][][sha256.Size]byte{}
	indices := map[string][]int{}
	for _, set := range s.sets() {
		d := train
		if set.external {
			d = test
		}
		seen := make(map[[sha256.Size]byte]int, len(set.indices))
		for k, i := range set.indices {
			sum := sha256.Sum256(d.Image(i))
			sums[set.name] = append(sums[set.name], sum)
			if _, ok := seen[sum]; !ok {
				seen[sum] = set.indices[k]
			}
		}
		first[set.name], indices[set.name] = seen, set.indices
	}
	var out []Equal
	for _, p := range pairsOfSets {
		e := Equal{Sets: [2]string{p.a, p.b}, Of: len(indices[p.a])}
		for k, sum := range sums[p.a] {
			j, ok := first[p.b][sum]
			if !ok {
				continue
			}
			if e.Images == 0 {
				e.First = [2]int{indices[p.a][k], j}
			}
			e.Images++
		}
		if e.Images > 0 {
			out = append(out, e)
		}
	}
	return out
}

// Note says what the equal images do to scores, and names two of them.
func (e Equal) Note(train, test Dataset) string {
	does := ""
	for _, p := range pairsOfSets {
		if e.Sets == [2]string{p.a, p.b} {
			does = p.does
		}
	}
	second := train
	if e.Sets[1] == "external" {
		second = test
	}
	return fmt.Sprintf("%d of %d %s images have the same pixels as %s ones (%s and %s): %s",
		e.Images, e.Of, e.Sets[0], e.Sets[1], Describe(train, e.First[0]), Describe(second, e.First[1]), does)
}

// Describe names image i of d: by its file where that is known.
func Describe(d Dataset, i int) string {
	if f := FileOf(d, i); f != "" {
		return f
	}
	return fmt.Sprintf("image %d of %s", i, d.Name())
}

// Notes returns what a reader of the scores should know about the data: what was guessed
// or left out when they were read, and equal images in different sets.
func Notes(train, test Dataset, s *Split) (notes []string) {
	notes = append(notes, NotesOf(train)...)
	if n := SkippedNote(append(append([]Skipped{}, SkippedOf(train)...), SkippedOf(test)...)); n != "" {
		notes = append(notes, n)
	}
	equal := s.EqualAcross(train, test)
	for _, e := range equal {
		notes = append(notes, e.Note(train, test))
	}
	if len(equal) > 0 {
		notes = append(notes, "locimem data check names all equal images; the scores mean what they say once one of each is removed")
	}
	return notes
}
