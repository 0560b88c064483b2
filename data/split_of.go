package data

import "fmt"

// SplitSets are the indices of the four sets: those of External are into the test
// part, the others into the training part.
type SplitSets struct{ Shared, Candidate, Independent, External []int }

// SplitOf returns the split of sets that were chosen elsewhere, for encoders that
// were not trained here. It refuses what MakeSplit refuses, but for sets of g, whose
// images need not be known.
func SplitOf(train, test Dataset, sets SplitSets) (*Split, error) {
	s := &Split{Shared: sets.Shared, Candidate: sets.Candidate, Independent: sets.Independent, External: sets.External,
		train: partOf(train), test: partOf(test)}
	if s.train.Shape != s.test.Shape {
		return nil, fmt.Errorf("split: %s has images of shape %v, %s of shape %v: expected the same", s.train.Name,
			s.train.Shape, s.test.Name, s.test.Shape)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	for k, set := range s.sets() {
		s.sha256[k] = hashes(set, train, test)
	}
	return s, nil
}
