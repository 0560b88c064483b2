package memorize

import (
	"math"
	"slices"

	"github.com/locimem/locimem/memorize/table"
)

// Preference says whether a unit answers more to the images that its encoder was
// trained on than to those that only the other encoder saw. Which of the two an image
// is was drawn at random, so without memorization Z is about standard normal, whatever
// the images are.
type Preference struct {
	Encoder string `json:"encoder" col:"encoder"` // f (members: candidates) or g (members: independents)
	Tap     string `json:"tap" col:"tap"`         // layer, as the encoder names it
	Unit    int    `json:"unit" col:"unit"`       // index of the channel or neuron, from 0
	// Members and Others are the means over the two sets of mu_u(x), the unit's mean
	// activation for a point (Eq. 5).
	Members float64 `json:"members" col:"members" unit:"activation"`
	Others  float64 `json:"others" col:"others" unit:"activation"`
	// Z is their difference by its standard deviation over all divisions of the points
	// into sets of these sizes; 0 for a unit that answers to all points alike.
	Z float64 `json:"z" col:"z" unit:"standard deviations"`
}

// PreferenceTable says whether units prefer the images that their encoder was trained on.
var PreferenceTable = table.Of[Preference]("preference.csv", "Whether units prefer the images that their encoder was trained on")

// moments are the mean and the sum of squared deviations of mu_u(x) over points, by
// unit (Welford 1962).
type moments struct {
	n        float64
	mean, m2 []float64
}

func (m *moments) add(mu []float64) {
	if m.n == 0 {
		m.mean, m.m2 = make([]float64, len(mu)), make([]float64, len(mu))
	}
	m.n++
	for u, v := range mu {
		d := v - m.mean[u]
		m.mean[u] += d / m.n
		m.m2[u] += d * (v - m.mean[u])
	}
}

// preference returns Z of unit u for the members of one set and the others of another.
func preference(members, others *moments, u int) float64 {
	n := members.n + others.n
	d := members.mean[u] - others.mean[u]
	all := members.m2[u] + others.m2[u] + d*d*members.n*others.n/n // about the mean of all
	// The variance of the difference of two means when n values are divided at random.
	if sd := math.Sqrt(all / (n - 1) * n / (members.n * others.n)); sd > 0 {
		return d / sd
	}
	return 0
}

// preferences is the metric of Preference.
type preferences struct {
	plan    *Plan
	moments [2][][]moments // [side][set][tap]
}

// Begin implements Metric.
func (m *preferences) Begin(p *Plan) error {
	m.plan = p
	for side := range m.moments {
		m.moments[side] = perSetAndTap(p, func(int) moments { return moments{} })
	}
	return nil
}

// Add implements Metric.
func (m *preferences) Add(a *Activations) error {
	if name := m.plan.Sets[a.Set].Name; !m.plan.Options.Units || name != Candidate && name != Independent {
		return nil
	}
	mu, err := a.UnitMeans()
	if err != nil {
		return err
	}
	for of := range slices.Chunk(mu, a.X.Dim(-1)) {
		m.moments[a.Side][a.Set][a.Tap].add(of)
	}
	return nil
}

// Finish implements Metric. The rows are those of f and then of g, by tap and unit.
func (m *preferences) Finish(s *Scores) error {
	c, i := indexOf(m.plan.Sets, Candidate), indexOf(m.plan.Sets, Independent)
	if !m.plan.Options.Units || c < 0 || i < 0 {
		return nil
	}
	for side, sets := range [2][2]int{F: {c, i}, G: {i, c}} {
		for t, tap := range m.plan.Taps {
			members, others := &m.moments[side][sets[0]][t], &m.moments[side][sets[1]][t]
			for u := range members.mean {
				s.Preferences = append(s.Preferences, Preference{Side(side).String(), tap.Name, u,
					members.mean[u], others.mean[u], preference(members, others, u)})
			}
		}
	}
	return nil
}

// Tables implements Metric.
func (m *preferences) Tables(s *Scores) []table.File {
	return []table.File{PreferenceTable.With(s.Preferences)}
}
