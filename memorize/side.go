package memorize

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Side is one of the two encoders of a pair.
type Side int

// The two encoders.
const (
	F Side = iota // trained on shared and candidates
	G             // trained on shared and independents
)

// Sides are both of them, f first.
var Sides = [2]Side{F, G}

// String returns f or g.
func (s Side) String() string { return [...]string{"f", "g"}[s] }

// MarshalText writes f or g.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads f or g.
func (s *Side) UnmarshalText(text []byte) error {
	for _, side := range Sides {
		if string(text) == side.String() {
			*s = side
			return nil
		}
	}
	return fmt.Errorf("encoder: found %q, expected f or g", text)
}

// Members is the set that the encoder was trained on and the other encoder was not.
func (s Side) Members() string { return [...]string{Candidate, Independent}[s] }

// Others is the set that only the other encoder was trained on.
func (s Side) Others() string { return (1 - s).Members() }

// Turned returns SSLMem scores (Eq. 2), which are positive for what f memorizes, turned so
// that they are positive for what this encoder does.
func (s Side) Turned(scores []float64) []float64 {
	out := slices.Clone(scores)
	if s == G {
		floats.Scale(-1, out)
	}
	return out
}

// trainedOn tells whether an encoder was trained on the points of that set.
func (s Side) trainedOn(set string) bool { return set == Shared || set == s.Members() }
