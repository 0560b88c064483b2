package memorize

import (
	"slices"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/table"
)

// TopPoints is how many of the most and of the least memorized points of a tap
// are told apart: 50, as in the paper's Table 1, or half of a set that has fewer
// than 100.
const TopPoints = 50

// TopScore is LayerMem over the most and over the least memorized points of a
// tap (Top50 and Least50 of the paper's Table 1), chosen anew in each tap. They
// differ even where nothing is memorized, since they are chosen by the score that
// is averaged: what the candidates have beyond the other sets is what counts.
type TopScore struct {
	Tap   string `json:"tap" col:"tap"`     // layer, as the encoder names it
	Depth int    `json:"depth" col:"depth"` // place of the tap in forward order, from 1
	// Set is candidate, shared, independent or external.
	Set       string    `json:"set" col:"set"`
	Estimator Estimator `json:"estimator" col:"estimator"`                 // paper, raw or range (Estimator.Points)
	Distance  Distance  `json:"distance" col:"distance"`                   // distance between views
	K         int       `json:"k" col:"k"`                                 // number of points at each end
	Top       float64   `json:"top" col:"top" unit:"of the estimator"`     // mean score of the k most memorized points
	Least     float64   `json:"least" col:"least" unit:"of the estimator"` // mean score of the k least memorized points
}

// TopScoreTable is LayerMem of the most and the least memorized points.
var TopScoreTable = table.Of[TopScore]("topk.csv", "LayerMem of the most and of the least memorized points of each tap")

// RankedPoint is a point by its memorization in one tap.
type RankedPoint struct {
	Tap string `json:"tap" col:"tap"` // layer, as the encoder names it
	// Set is candidate, shared, independent or external.
	Set string `json:"set" col:"set"`
	// Rank is 1 for the most memorized point of the set, and the number of points for the least.
	Rank  int     `json:"rank" col:"rank"`
	Point int     `json:"point" col:"point"`                         // index in its data set
	Score float64 `json:"score" col:"score" unit:"of the estimator"` // by the first estimator and distance
}

// RankedPointTable names the points of TopScoreTable.
var RankedPointTable = table.Of[RankedPoint]("toppoints.csv",
	"The most and the least memorized points, by the first estimator and distance")

// topScores returns the rows of TopScore, and the points of the first estimator
// and distance that they are of, most memorized first.
func (s *Scores) topScores() (rows []TopScore, points []RankedPoint) {
	o := s.Provenance.Options
	for d, dist := range o.Distances {
		for i, est := range o.Estimators {
			for x, set := range s.sets {
				k := min(TopPoints, len(set.Points)/2)
				if k == 0 {
					continue
				}
				for t, tap := range s.Provenance.Taps {
					scores := est.Points(s.points[x][t][F][d], s.points[x][t][G][d])
					order := stats.Top(scores, len(scores))
					mean := func(of []int) (m float64) {
						for _, p := range of {
							m += scores[p] / float64(k)
						}
						return m
					}
					n := len(order)
					rows = append(rows, TopScore{tap.Name, tap.Depth, set.Name, est, dist, k, mean(order[:k]), mean(order[n-k:])})
					if d > 0 || i > 0 {
						continue
					}
					for r, p := range order {
						if r < k || r >= n-k {
							points = append(points, RankedPoint{tap.Name, set.Name, r + 1, set.Points[p], scores[p]})
						}
					}
				}
			}
		}
	}
	return rows, points
}

// place is the index of a tap that was scored.
func (s *Scores) place(tap string) int {
	return slices.IndexFunc(s.Provenance.Taps, func(t Tap) bool { return t.Name == tap })
}
