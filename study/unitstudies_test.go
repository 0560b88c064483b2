package study

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// What is odd about a set cancels. What an encoder memorized of its members stays.
func TestMembersMinusOthers(t *testing.T) {
	odd := map[string]float64{memorize.Candidate: 5, memorize.Independent: -2}
	memory := map[memorize.Side]float64{memorize.F: 0.25, memorize.G: 0.5}
	got, err := membersMinusOthers(func(s memorize.Side, set string) (float64, error) {
		if set == s.Members() {
			return odd[set] + memory[s], nil
		}
		return odd[set], nil
	})
	require.NoError(t, err)
	assert.InDelta(t, (0.25+0.5)/2, got, 1e-12)
	assert.Equal(t, []float64{-1, 2}, memorize.G.Turned([]float64{1, -2}))
}

// Studies of points and units, from their first steps to their reports. Numbers of
// claims are computed again from the files of the steps.
func TestStudiesOfUnits(t *testing.T) {
	s := verySmall(t)
	views := onePointViews
	t.Cleanup(func() { onePointViews = views })
	onePointViews = 40
	st := graph.NewStore(t.TempDir())
	l, err := run.Open(plannerOf(s).Recipe(0))
	require.NoError(t, err)
	for _, y := range []Study{points, unitMem, onePoint, supervised, gallery, transformer} {
		p, d := carriedOut(t, y, s, st)
		claims := map[string]report.Claim{}
		for _, c := range d.Claims {
			claims[strings.TrimPrefix(c.ID, y.Name+".")] = c
		}
		steps := map[string][]*graph.Step{} // by kind
		for _, s := range p.Steps {
			kind, _, _ := strings.Cut(s.Name(), "-")
			steps[kind] = append(steps[kind], s)
		}
		switch y.Name {
		case "points":
			checkPoints(t, st, steps, claims, d)
		case "unitmem":
			want := 0.0
			for _, s := range steps["score"] {
				want += heldOutExcess(t, st.Path(s, "scores", "scores.json"), "relu4_0", "relu4_1", "relu4_2") / 2
			}
			assert.InDelta(t, want, *claims["members"].Controlled.Value, 1e-12)
		case "onepoint":
			checkOnePoint(t, st, l, steps["goon"], claims)
		case "supervised":
			want := 0.0
			for _, s := range steps["score"][:2] { // of simclr
				want += leastLead(t, st.Path(s, "scores")) / 2
			}
			assert.InDelta(t, want, *claims["points"].Plain.Value, 1e-9)
			assert.Equal(t, report.UnderPowered, claims["transfer"].Verdict, "the other data have the same classes")
		case "transformer":
			want := 0.0
			for i, s := range steps["units"][2:6] { // behind those of the convolutional encoders: f, f, g, g
				var found []tapUnits
				require.NoError(t, st.Result(s, &found))
				require.Len(t, found, 12)
				for _, f := range found {
					n := 0.0
					top := (f.Ranked + 9) / 10 // a tenth, rounded up
					for _, owner := range f.Owners[:top] {
						if i < 2 == slices.Contains(l.Split.Candidate, owner) {
							n++
						}
					}
					want += (n/float64(top) - 0.5) / 4 / 12
				}
			}
			assert.InDelta(t, want, *claims["members"].Controlled.Value, 1e-12)
		}
	}
}

func checkPoints(
	t *testing.T, st *graph.Store, steps map[string][]*graph.Step, claims map[string]report.Claim, d *report.Document,
) {
	want := 0.0
	for _, s := range steps["pointunits"] {
		var found []extremeUnits
		require.NoError(t, st.Result(s, &found))
		require.Len(t, found, 8*4)
		for _, f := range found {
			assert.Equal(t, 10, f.K)
			if f.Set == memorize.Candidate == (f.Encoder == memorize.F.String()) {
				want += (f.Most - f.Least) / 2 / 8 / 2 // encoders, convolutions, pairs
			} else {
				want -= (f.Most - f.Least) / 2 / 8 / 2
			}
		}
	}
	assert.InDelta(t, want, *claims["units"].Controlled.Value, 1e-12)
	owners := map[string]int{} // of top units, by whether the encoder was trained on them
	for _, s := range steps["score"] {
		text, err := os.ReadFile(st.Path(s, "scores", "owners.csv"))
		require.NoError(t, err)
		for _, own := range []string{"f,relu4_2,candidate,", "g,relu4_2,independent,"} {
			owners["members"] += strings.Count(string(text), own)
		}
		for _, other := range []string{"f,relu4_2,independent,", "g,relu4_2,candidate,"} {
			owners["others"] += strings.Count(string(text), other)
		}
	}
	var members, others float64
	for _, row := range d.Sections[1].Tables[0].Rows {
		members, others = members+*row[1].Value, others+*row[3].Value
	}
	assert.Equal(t, []float64{float64(owners["members"]), float64(owners["others"])}, []float64{members, others})
}

func checkOnePoint(t *testing.T, st *graph.Store, l *run.Setup, steps []*graph.Step, claims map[string]report.Claim) {
	require.Len(t, steps, len(arms)*2)
	rows := make([][]perturb.TrackRow, len(steps))
	for i, s := range steps {
		require.NoError(t, st.Result(s, &rows[i]))
		assert.Equal(t, rows[i%2][0], rows[i][0], "all arms start from the same encoder")
		assert.Contains(t, l.Split.Independent, rows[i][0].Owner, "an image that f was not trained on")
	}
	rise := func(arm, pair int) float64 { r := rows[2*arm+pair]; return r[len(r)-1].Best - r[0].Best }
	want := 0.0
	for pair := range 2 {
		want += (rise(0, pair) - rise(2, pair)) / 2
	}
	assert.InDelta(t, want, *claims["best"].Controlled.Value, 1e-12)
	assert.NotZero(t, want)
	assert.NotZero(t, rise(2, 0), "the statistics of batch norm move without any learning")
}

// heldOutExcess is the mean excess over one half of f and g together in some taps.
func heldOutExcess(t *testing.T, path string, taps ...string) float64 {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var s struct {
		HeldOut []memorize.HeldOut `json:"held_out"`
	}
	require.NoError(t, json.Unmarshal(b, &s))
	out := 0.0
	for _, tap := range taps {
		for _, h := range s.HeldOut {
			if h.Encoder == "both" && h.Tap == tap {
				out += (float64(h.Members.K)/float64(h.Members.N) - 0.5) / float64(len(taps))
			}
		}
	}
	return out
}

// leastLead is the least over taps behind a ReLU of UnitMem minus ClassMem of f.
func leastLead(t *testing.T, dir string) float64 {
	tables, err := memorize.ReadTables(dir)
	require.NoError(t, err)
	units, classes := map[string][]float64{}, map[string][]float64{}
	for _, u := range tables.Units {
		if u.Set == memorize.Candidate && strings.HasPrefix(u.Tap, "relu") {
			units[u.Tap] = append(units[u.Tap], u.Value)
		}
	}
	for _, c := range tables.Classes {
		classes[c.Tap] = append(classes[c.Tap], c.Value)
	}
	var leads []float64
	for tap := range units {
		leads = append(leads, stat.Mean(units[tap], nil)-stat.Mean(classes[tap], nil))
	}
	require.Len(t, leads, 8)
	return slices.Min(leads)
}
