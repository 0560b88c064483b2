package memorize

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/tensor"
)

// Names of the sets that have a meaning here. An Accumulator takes sets of any
// other name too.
const (
	Candidate   = "candidate"   // S_C: trained f only
	Shared      = "shared"      // S_S: trained f and g
	Independent = "independent" // S_I: trained g only
	External    = "external"    // S_E: trained neither
	// Controlled names the rows of half of (candidate - independent). It is no
	// set of its own.
	Controlled = "controlled"
)

// SetNames returns the names of the four sets, in the order of all tables.
func SetNames() []string { return []string{Candidate, Shared, Independent, External} }

// Tap is a layer's output.
type Tap struct {
	Name string `json:"name"` // as the encoder names the layer
	// Depth is the place of the tap in forward order, from 1.
	Depth int `json:"depth"`
}

// LayerScore is LayerMem of one tap on one set (Eq. 3): the mean over points of
// an estimator. Set may be Controlled.
type LayerScore struct {
	Tap   string `json:"tap" col:"tap"`     // layer, as the encoder names it
	Depth int    `json:"depth" col:"depth"` // place of the tap in forward order, from 1
	// Set is candidate, shared, independent, external or controlled.
	Set       string    `json:"set" col:"set"`
	Estimator Estimator `json:"estimator" col:"estimator"`            // paper, raw or range (Estimator.Points)
	Distance  Distance  `json:"distance" col:"distance"`              // distance between views
	Stat      Stat      `json:"stat" col:"*" unit:"of the estimator"` // LayerMem
}

// LayerMemTable is LayerMem of every tap on every set.
var LayerMemTable = table.Of[LayerScore]("layermem.csv", "LayerMem of every tap on every set, and the controlled score")

// DeltaScore is LayerMem of a tap minus that of the scored tap immediately
// before it (Eq. 4). Its interval is that of the paired difference. The first
// tap has none.
type DeltaScore struct {
	Tap      string `json:"tap" col:"tap"`           // layer, as the encoder names it
	Previous string `json:"previous" col:"previous"` // the scored tap immediately before
	Depth    int    `json:"depth" col:"depth"`       // place of the tap in forward order, from 1
	// Set is candidate, shared, independent, external or controlled.
	Set       string    `json:"set" col:"set"`
	Estimator Estimator `json:"estimator" col:"estimator"`                                // paper, raw or range (Estimator.Points)
	Distance  Distance  `json:"distance" col:"distance"`                                  // distance between views
	Stat      Stat      `json:"stat" col:"mean=delta,se,lo,hi,n" unit:"of the estimator"` // Delta
}

// DeltaTable and ConvDeltaTable are Delta among all scored taps and among the
// convolutions alone.
var (
	DeltaTable     = table.Of[DeltaScore]("delta.csv", "Delta: LayerMem of a tap minus that of the tap before")
	ConvDeltaTable = table.Of[DeltaScore]("delta_conv.csv", "Delta among the convolutions alone")
)

// alignments are SSL_f and SSL_g of the points of one set in one tap: for each
// distance of the options the mean distance between views, by point.
type alignments [2][][]float64

// layerScores computes LayerMem and Delta of every tap on every set, and the
// controlled ones where candidates and independents are among the sets.
// points[set][tap] holds the alignments. Rows are ordered by distance,
// estimator, set and tap.
func layerScores(e *tensor.Engine, o *Options, taps []Tap, sets []Set,
	points [][]alignments) ([]LayerScore, []DeltaScore) {
	cols := make([][]column, len(sets))
	candidate, independent := -1, -1
	for s, set := range sets {
		var scores [][]float64
		for d := range o.Distances {
			for _, est := range o.Estimators {
				for t := range taps {
					a := points[s][t]
					scores = append(scores, est.Points(a[F][d], a[G][d]))
				}
			}
		}
		cols[s] = resampled(e, o, set.Name, scores)
		switch set.Name {
		case Candidate:
			candidate = s
		case Independent:
			independent = s
		}
	}
	var layers []LayerScore
	var deltas []DeltaScore
	for d, dist := range o.Distances {
		for i, est := range o.Estimators {
			first := (d*len(o.Estimators) + i) * len(taps) // column of the first tap
			add := func(set string, layer, delta func(k int) Stat) {
				for t, tap := range taps {
					layers = append(layers, LayerScore{tap.Name, tap.Depth, set, est, dist, layer(first + t)})
					if t > 0 {
						deltas = append(deltas, DeltaScore{tap.Name, taps[t-1].Name, tap.Depth, set, est, dist, delta(first + t)})
					}
				}
			}
			for s, set := range sets {
				c := cols[s]
				add(set.Name,
					func(k int) Stat { return c[k].stat(o.Level) },
					func(k int) Stat { return c[k].minus(c[k-1]).stat(o.Level) })
			}
			if candidate >= 0 && independent >= 0 {
				c, i := cols[candidate], cols[independent]
				add(Controlled,
					func(k int) Stat { return controlled(c[k], i[k], o.Level) },
					func(k int) Stat { return controlled(c[k].minus(c[k-1]), i[k].minus(i[k-1]), o.Level) })
			}
		}
	}
	return layers, deltas
}

// layerMem is the metric of LayerMem, of Delta and of all else that follows from the
// alignments of points.
type layerMem struct {
	plan   *Plan
	points [][]alignments // [set][tap]
}

// Begin implements Metric.
func (m *layerMem) Begin(p *Plan) error {
	m.plan = p
	m.points = perSetAndTap(p, func(int) (a alignments) {
		for side := range a {
			a[side] = make([][]float64, len(p.Options.Distances))
		}
		return a
	})
	return nil
}

// Add implements Metric.
func (m *layerMem) Add(a *Activations) error {
	o := &m.plan.Options
	for d, dist := range o.Distances {
		means := m.plan.Engine.ViewDistances(dist.kind(), a.X, o.Rows(), o.Mode == Original)
		if p := slices.IndexFunc(means, isNotFinite); p >= 0 {
			return a.notFinite(p)
		}
		of := &m.points[a.Set][a.Tap][a.Side][d]
		*of = append(*of, means...)
	}
	return nil
}

// Finish implements Metric.
func (m *layerMem) Finish(s *Scores) error {
	e := m.plan.Engine
	s.points = m.points
	s.Layers, s.Deltas = layerScores(e, &m.plan.Options, m.plan.Taps, m.plan.Sets, m.points)
	var err error
	if s.Separations, err = s.separations(e); err != nil {
		return fmt.Errorf("candidates against independents: %w", err)
	}
	if s.Swap, err = s.SwapSymmetry(); err != nil {
		return err
	}
	s.ConvDeltas = s.convDeltas(e)
	s.TopScores, s.RankedPoints = s.topScores()
	return nil
}

// Tables implements Metric.
func (m *layerMem) Tables(s *Scores) []table.File {
	return []table.File{LayerMemTable.With(s.Layers), DeltaTable.With(s.Deltas), ConvDeltaTable.With(s.ConvDeltas),
		PointTable.WithSeq(s.pointAlignments()), SeparationTable.With(s.Separations), TopScoreTable.With(s.TopScores),
		RankedPointTable.With(s.RankedPoints)}
}
