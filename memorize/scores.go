package memorize

import "slices"

// Scores is the outcome of scoring one pair of encoders.
type Scores struct {
	Provenance Provenance
	// Layers holds LayerMem by distance, estimator, set and tap, and Deltas the
	// differences between neighbouring taps, in the same order.
	Layers []LayerScore
	Deltas []DeltaScore
	// UnitsF and UnitsG hold UnitMem of the units of f and g by set, tap and
	// unit, SummaryF and SummaryG its spread in each tap. They are nil without
	// Options.Units.
	UnitsF, UnitsG     []UnitScore
	SummaryF, SummaryG []UnitSummary
	// Classes holds ClassMem of the units of f, then of g, by tap and unit; nil
	// without labels.
	Classes []ClassScore

	// ConvDeltas are the Deltas among convolutions alone (DeltasAmong).
	ConvDeltas []DeltaScore
	// TopScores holds LayerMem of the most and least memorized points, and
	// RankedPoints those points by the first estimator and distance.
	TopScores    []TopScore
	RankedPoints []RankedPoint
	// Separations tell candidates from independents; nil without both.
	Separations []Separation
	// NumMemUnits, Owners, TapChanges, UnitChanges and HeldOut are about units; nil
	// without Options.Units, the last without candidates and independents too.
	NumMemUnits []NumMemUnits
	Owners      []Owner
	TapChanges  []TapChange
	UnitChanges []UnitChange
	HeldOut     []HeldOut
	Preferences []Preference // likewise
	Swap        SwapSymmetry
	// Alignments holds alignment-matrix LayerMem, which takes a pass of its own:
	// see AlignmentMem. It is nil without.
	Alignments []AlignmentScore

	sets   []Set
	points [][]alignments // [set][tap]
	extra  []Metric       // those that are not of this package, finished
}

// covers says what intervals from one pair of encoders are about.
const covers = "points and views of one pair of encoders, not other pairs"

// Provenance is what a score depends on and must not be read without.
type Provenance struct {
	Options Options   `json:"options"` // how points were scored
	Taps    []Tap     `json:"taps"`    // layers that were scored, in forward order
	Sets    []SetInfo `json:"sets"`    // sets that were scored
	// Encoders is the number of pairs f, g.
	Encoders int `json:"encoder_pairs"`
	// Interval says how intervals were made, Covers what they take into account.
	Interval string `json:"interval"`
	Covers   string `json:"interval_covers"`
	// ISA names the kernels: other ones give the same scores up to rounding.
	ISA string `json:"isa"`

	// The rest is not known to an Accumulator, whose user fills it in.

	// Recipe is the hash of the recipe of the run.
	Recipe string `json:"recipe_hash,omitempty"`
	// Split is the SHA-256 of the manifest that says which image is in which set.
	Split string `json:"split_sha256,omitempty"`
	// WeightsF and WeightsG are SHA-256 hashes of the encoders' parameters. Score
	// fills them in.
	WeightsF string `json:"weights_f_sha256,omitempty"`
	WeightsG string `json:"weights_g_sha256,omitempty"`
	// Seeds are the seeds of the run by purpose.
	Seeds map[string]uint64 `json:"seeds,omitempty"`
	// Augmentation is the recipe of the views, such as an augment.Config.
	Augmentation any `json:"augmentation,omitempty"`
}

// SetInfo says how many points a set has.
type SetInfo struct {
	Name   string `json:"name"`   // candidate, shared, independent or external
	Points int    `json:"points"` // number of points
}

// Layer returns the row of a tap on a set, and whether there is one. Set may be
// Controlled.
func (s *Scores) Layer(tap, set string, est Estimator, dist Distance) (LayerScore, bool) {
	for _, l := range s.Layers {
		if l.Tap == tap && l.Set == set && l.Estimator == est && l.Distance == dist {
			return l, true
		}
	}
	return LayerScore{}, false
}

// Alignment returns SSL_f or SSL_g of every point of a set in one tap, in the
// order of Points, or nil if tap, set or distance was not scored. Do not change
// it.
func (s *Scores) Alignment(side Side, tap, set string, dist Distance) []float64 {
	t := slices.IndexFunc(s.Provenance.Taps, func(t Tap) bool { return t.Name == tap })
	i := slices.IndexFunc(s.sets, func(x Set) bool { return x.Name == set })
	d := slices.Index(s.Provenance.Options.Distances, dist)
	if t < 0 || i < 0 || d < 0 {
		return nil
	}
	return s.points[i][t][side][d]
}

// Points returns the indices of the points of a set in their data set, or nil if
// it was not scored. Do not change it.
func (s *Scores) Points(set string) []int {
	for _, x := range s.sets {
		if x.Name == set {
			return x.Points
		}
	}
	return nil
}

// PointScores returns the score of every point of a set in one tap, in the order
// of Points, or nil if tap, set or distance was not scored.
func (s *Scores) PointScores(tap, set string, est Estimator, dist Distance) []float64 {
	f := s.Alignment(F, tap, set, dist)
	if f == nil {
		return nil
	}
	return est.Points(f, s.Alignment(G, tap, set, dist))
}
