package study

// Does UnitMem show memory at all? (ours) Images that an encoder was trained on should own more
// of its top units than the same number of others. And do the points that own units have large
// SSLMem? (Figure 1b)

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var (
	claimUnitMembers = Claim{
		ID:        "unitmem.members",
		Source:    "ours",
		Statement: "Images of the training set own more of the top units than other images.",
		Rule: `The number is the share of the top tenth of the units that images of the encoder's own training
			set own, f and g together, mean over the last {taps} taps behind a ReLU, minus one half, one for
			each pair; plain: for f alone.`,
		Number: "the share of the encoders' own images minus one half",
	}
	claimUnitSSLMem = Claim{
		ID:        "unitmem.sslmem",
		Source:    "F1b",
		Statement: "Points that units stand out for have large SSLMem, beyond what images show that were not trained on.",
		Paper:     "aligned, a figure",
		Rule: `Spearman's correlation, over the points of a set, of the largest UnitMem that a point owns behind
			the last ReLU (0 if none) with its score there, turned to the encoder; the number is that for the
			set that the encoder was trained on minus that for the set that only the other was trained on, mean
			over f and g, one for each pair; plain: for f's candidates alone.`,
		Number: "the correlation of members minus others",
	}
)

const (
	leadUnitMem = `The units of either encoder were ranked over one pool of candidates, which only f was trained
		on, and the same number of independents, which only g was trained on. If units stand out for what was
		memorized, an encoder's own images own more of its top units; by chance it is half. A few odd images own
		many units of all encoders, whether or not an encoder was trained on them. Only f and g together show
		memory: each set is the members of one and the others of the other.`
	noteMembers = `Shares of the tenth of the units of largest UnitMem in a pool of equal numbers of candidates
		and independents; means over pairs with 95 % intervals, cut at 0 and 1.`
	noteAgreement = `Spearman's; means over pairs with 95 % intervals. Scores are turned to the encoder that the
		units belong to.`
)

var agreementColumns = []report.Column{
	{Name: "units of"},
	{Name: "members", Digits: 3},
	{Name: "others", Help: "images that only the other encoder was trained on", Digits: 3},
}

// lastTaps is the number of taps behind a ReLU that count as the last ones.
const lastTaps = 3

var unitMem = Register(Study{
	Name:   "unitmem",
	Source: "F1b; ours",
	Title:  "UnitMem, SSLMem and images that were not trained on",
	Place:  160,
	Design: func(plan *Planner) Writer { return reportOn(plan.TrainPairs(), writeUnitMem) },
})

func writeUnitMem(r *Results) (*report.Document, error) {
	shares, err := r.ownedShares()
	if err != nil {
		return nil, err
	}
	agreement, err := r.unitsAndScores()
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead:   []string{r.trained() + " " + prose(leadUnitMem)},
		Claims: []report.Claim{shares.judge(r.Reader), agreement.judge(r.Reader)},
		Sections: []report.Section{
			shares.section(),
			{
				Title: "UnitMem and SSLMem", Tables: []report.Table{agreement.table()},
				Charts: []report.Chart{agreement.chart()},
			},
		},
	}, nil
}

// ownedShares are the shares of the top tenth of the units that an encoder's members own, by
// encoder (f, g or both) and tap, pair by pair.
type ownedShares struct {
	taps []string // behind a ReLU, in forward order
	by   map[[2]string][]float64
}

// shareOwners are the encoders of ownedShares.
var shareOwners = []string{"f", "g", "both"}

// ownedShares reads the shares. Fewer than lastTaps taps are an error.
func (r *Results) ownedShares() (*ownedShares, error) {
	out := &ownedShares{by: map[[2]string][]float64{}}
	for _, q := range r.pairs {
		rows, err := memorize.HeldOutTable.Read(r.store.Path(q.Score, "scores"))
		if err != nil {
			return nil, err
		}
		for _, h := range rows {
			if !behindReLU(h.Tap) {
				continue
			}
			key := [2]string{h.Encoder, h.Tap}
			if h.Encoder == "both" && out.by[key] == nil {
				out.taps = append(out.taps, h.Tap)
			}
			out.by[key] = append(out.by[key], h.Members.Share)
		}
	}
	out.taps = slices.DeleteFunc(out.taps, func(tap string) bool { // without units to rank in one of the pairs
		return slices.ContainsFunc(shareOwners, func(n string) bool { return len(out.by[[2]string{n, tap}]) < len(r.pairs) })
	})
	if len(out.taps) < lastTaps {
		return nil, fmt.Errorf("taps: found %v behind a ReLU with candidates and independents, expected at least %d",
			out.taps, lastTaps)
	}
	return out, nil
}

// excess is the share minus one half, mean over the last taps, pair by pair.
func (s *ownedShares) excess(encoder string) []float64 {
	var out []float64
	for _, tap := range s.taps[len(s.taps)-lastTaps:] {
		shares := s.by[[2]string{encoder, tap}]
		if out == nil {
			out = make([]float64, len(shares))
		}
		for i, v := range shares {
			out[i] += (v - 0.5) / lastTaps
		}
	}
	return out
}

func (s *ownedShares) judge(x *Reader) report.Claim {
	return x.Judge(claimUnitMembers.fill("{taps}", fmt.Sprint(lastTaps)), s.excess("f"), s.excess("both"))
}

func (s *ownedShares) section() report.Section {
	t := report.Table{
		Name: "members", Title: "Top units that the encoder's own images own", Note: prose(noteMembers),
		Columns: []report.Column{{Name: "tap"}},
	}
	c := report.Chart{
		Name: "members", Title: t.Title, Kind: report.Line, X: "tap", Y: "share", Categories: s.taps,
		Reference: []report.Reference{{Name: "chance", Y: 0.5}},
	}
	for k, owners := range []string{"candidates", "independents", "candidates of f, independents of g"} {
		addColumn(&t, &c, shareOwners[k], "share of its top units that "+owners+" own", s.taps, func(tap string) report.Cell {
			return bounded(s.by[[2]string{shareOwners[k], tap}])
		})
	}
	return report.Section{Title: "Own images and others", Tables: []report.Table{t}, Charts: []report.Chart{c}}
}

// unitAgreement is the rank correlation of the largest UnitMem that a point owns behind the last
// ReLU with its score.
type unitAgreement struct {
	tap    string
	by     map[[2]string][]float64 // by encoder and set, pair by pair
	beyond []float64               // members minus others, pair by pair
	points []report.Series         // of f in the first pair: score and largest UnitMem of each point
}

// unitsAndScores reads units and compares them with the scores.
func (r *Results) unitsAndScores() (*unitAgreement, error) {
	out := &unitAgreement{tap: r.lastReLU(), by: map[[2]string][]float64{}}
	for i, q := range r.pairs {
		tables, err := memorize.ReadTables(r.store.Path(q.Score, "scores"))
		if err != nil {
			return nil, err
		}
		gap, err := membersMinusOthers(func(s memorize.Side, set string) (float64, error) {
			p := r.scores[i]
			owned := largestOwned(unitsOn(tables, s, out.tap, set), p.Of(out.tap, set).Points)
			scores := p.of(out.tap, set)
			if i == 0 && s == memorize.F {
				out.points = append(out.points, report.Series{Name: set, X: scores, Y: report.Values(owned)})
			}
			c, err := rankCorrelation(owned, scores)
			c = s.Turned([]float64{c})[0]
			key := [2]string{s.String(), set}
			out.by[key] = append(out.by[key], c)
			return c, err
		})
		if err != nil {
			return nil, err
		}
		out.beyond = append(out.beyond, gap)
	}
	return out, nil
}

// largestOwned is the largest UnitMem that each of some points owns, 0 if none.
func largestOwned(units []memorize.UnitScore, points []int) []float64 {
	largest := map[int]float64{}
	for _, u := range units {
		if u.Point >= 0 {
			largest[u.Point] = max(largest[u.Point], u.Value)
		}
	}
	var out []float64
	for _, point := range points {
		out = append(out, largest[point])
	}
	return out
}

func (a *unitAgreement) judge(x *Reader) report.Claim {
	return x.Judge(claimUnitSSLMem, a.by[[2]string{memorize.F.String(), memorize.Candidate}], a.beyond)
}

func (a *unitAgreement) table() report.Table {
	t := report.Table{
		Name: "agreement", Title: "Rank correlation of UnitMem and SSLMem of points in " + a.tap, Note: prose(noteAgreement),
		Columns: agreementColumns,
	}
	for _, s := range memorize.Sides {
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(s.String()),
			Interval(a.by[[2]string{s.String(), s.Members()}]), Interval(a.by[[2]string{s.String(), s.Others()}]),
		})
	}
	return t
}

func (a *unitAgreement) chart() report.Chart {
	return report.Chart{
		Name: "sslmem", Title: "UnitMem of f and SSLMem of points in " + a.tap + ", first pair", Kind: report.Scatter,
		X: "SSLMem (Eq. 2)", Y: "largest UnitMem that the point owns, 0 if none", Series: a.points,
	}
}
