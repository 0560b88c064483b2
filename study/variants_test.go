package study

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/study/graph"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   report.Verdict
	}{
		{[]float64{0.1, 0.11, 0.09}, report.Reproduced}, {[]float64{-2, -2.1, -2.2}, report.NotReproduced},
		{[]float64{0.9, 1.1, 1}, report.UnderPowered}, {[]float64{0.1}, report.UnderPowered},
	} {
		k := (&Reader{}).judgeWithin(Claim{Number: "it"}, nil, c.values, 1)
		assert.Equal(t, c.want, k.Verdict, k.Why)
		assert.InDelta(t, stat.Mean(c.values, nil), *k.Plain.Value, 1e-12)
	}
}

// Studies that compare variants of the training, from their first steps to their
// reports. Steps that they have in common are done once.
func TestVariantStudies(t *testing.T) {
	s := verySmall(t)
	scales[0].sets = append(scales[0].sets, "train.epochs=5")
	st := graph.NewStore(t.TempDir())
	for _, y := range []Study{trainingTime, decay, duration, datasets, overlap, augmentation, privacy} {
		p, d := carriedOut(t, y, s, st)
		for _, c := range d.Claims {
			assert.NotEmpty(t, c.Verdict, c.ID)
		}
		if y.Name == "decay" {
			found, err := (&Reader{store: st}).unitsFound(p.Steps[2:4]) // behind the two encoders
			require.NoError(t, err)
			strong, err := (&Reader{store: st}).unitsFound(p.Steps[10:12])
			require.NoError(t, err)
			want := (meanUnitMem(found[0]) - meanUnitMem(strong[0]) + meanUnitMem(found[1]) - meanUnitMem(strong[1])) / 2
			assert.InDelta(t, want, *d.Claims[0].Plain.Value, 1e-12)
		}
		if y.Name == "datasets" {
			checkFewClasses(t, s, st, p.Steps, d)
		}
	}
}

// checkFewClasses tests that few classes are ranked on as many candidates as those
// have, and that the mean of a table is that of the steps.
func checkFewClasses(t *testing.T, s Setting, st *graph.Store, steps []*graph.Step, d *report.Document) {
	var pools [2][]classPool
	for i, step := range steps[len(steps)-2:] {
		require.NoError(t, st.Result(step, &pools[i]))
	}
	r, err := s.recipe(&scales[0], 0, nil)
	require.NoError(t, err)
	l, err := run.OpenLab(r)
	require.NoError(t, err)
	n := map[int]int{}
	for _, label := range probe.Labels(l.Train, append(slices.Clone(l.Split.Candidate), l.Split.Independent...)) {
		n[label]++
	}
	assert.Equal(t, n[1], pools[0][1].Points)
	assert.Equal(t, n[0]+n[1]+n[9], pools[0][0].Points)
	for _, p := range pools[0] {
		owners := map[int]bool{}
		for _, u := range slices.Concat(p.Few, p.Any) {
			for _, owner := range u.Owners {
				owners[owner] = true
			}
		}
		assert.LessOrEqual(t, len(owners), 2*p.Points+1, "owners are of the pools, or nobody")
	}
	classes := d.Sections[len(d.Sections)-1].Tables[0]
	last := classes.Rows[len(classes.Rows)-1]
	assert.InDelta(t, (meanUnitMem(pools[0][1].Few)+meanUnitMem(pools[1][1].Few))/2, *last[4].Value, 1e-12)
}

// Labels of steps tell variants apart, and all encoders of the control of study
// augmentation are measured on the same views.
func TestVariantsDiffer(t *testing.T) {
	s := verySmall(t)
	steps, labels := map[string]bool{}, map[string]bool{}
	for _, y := range []Study{trainingTime, decay, duration, datasets, overlap, augmentation, privacy} {
		p, err := y.Plan(s)
		require.NoError(t, err)
		for _, step := range graph.Order(p.Steps) {
			steps[step.Name()], labels[step.Label()] = true, true
		}
	}
	assert.Len(t, labels, len(steps))
	l := plannerOf(s)
	weak := l.Recipe(0, "augment.preset=weak", "score.augment.preset="+sameViews)
	strong := l.Recipe(0, "augment.preset=strong", "score.augment.preset="+sameViews)
	require.NoError(t, l.err)
	assert.Equal(t, weak.ScoreView(), strong.ScoreView())
	assert.NotEqual(t, weak.TrainHash(), strong.TrainHash())
}

// At the larger scales DINO and the masked autoencoder train the same transformers.
func TestDINOTrainsTheTransformersOfMAE(t *testing.T) {
	for i := range scales {
		l := &Planner{Setting: Setting{Scale: scales[i].name, Seed: 1, DataDir: "DIR"}, scale: &scales[i]}
		mae, dino := l.Recipe(0, l.vit()...), l.Recipe(0, l.dinoViT()...)
		require.NoError(t, l.err)
		assert.Equal(t, "mae dino", mae.Method.Name+" "+dino.Method.Name)
		assert.Positive(t, dino.Method.Config.(ssl.DINOConfig).LocalCrops)
		assert.Equal(t, scales[i].name != "tiny", mae.Encoder == dino.Encoder, scales[i].name)
		assert.Equal(t, mae.ScoreView(), dino.ScoreView())
	}
}

// Studies that look at the scores of the same pairs in several ways, and at other
// encoders and methods.
func TestLayerStudies(t *testing.T) {
	s := verySmall(t)
	st := graph.NewStore(t.TempDir())
	for _, y := range []Study{consistency, distances, count, initialisation, frameworks, architectures} {
		p, d := carriedOut(t, y, s, st)
		switch y.Name {
		case "consistency":
			assert.Len(t, d.Claims, 3)
			assert.Len(t, d.Sections[0].Tables[0].Rows, 8*7/2)
			a, err := readScores(st, p.Steps[0], memorize.UnitL2)
			require.NoError(t, err)
			b, err := readScores(st, p.Steps[1], memorize.UnitL2)
			require.NoError(t, err)
			top := func(p scores) []int { return stats.Top(p.of("conv4_2", memorize.Candidate), 8) }
			both := 0
			for _, i := range top(a) {
				if slices.Contains(top(b), i) {
					both++
				}
			}
			row := d.Sections[1].Tables[0].Rows[7]
			assert.InDelta(t, float64(both)/8, *row[1].Value, 1e-12, "a fifth of 40 points")
			assert.InDelta(t, 0.2, *row[3].Value, 1e-12)
		case "distance":
			l1, err := readScores(st, p.Steps[0], memorize.L1)
			require.NoError(t, err)
			l2, err := readScores(st, p.Steps[0], memorize.UnitL2)
			require.NoError(t, err)
			assert.NotEqual(t, l1.of("conv1", memorize.Candidate), l2.of("conv1", memorize.Candidate))
			// Study depth by another distance takes the same scores.
			by := s
			by.Distance = memorize.Cosine
			cosine, err := depth.Plan(by)
			require.NoError(t, err)
			assert.Equal(t, p.Steps[0].Hash(), cosine.Steps[0].Hash())
			require.NoError(t, st.Run(context.Background(), cosine.Steps, &counter{}))
			again, err := cosine.Report(st)
			require.NoError(t, err)
			assert.Contains(t, again.Title, "cosine distance")
			k := slices.IndexFunc(d.Claims, func(c report.Claim) bool { return c.ID == "distance.rises-cosine" })
			assert.Equal(t, d.Claims[k].Controlled, again.Claims[0].Controlled)
		case "frameworks":
			var ids []string
			for _, c := range d.Claims {
				ids = append(ids, c.ID)
			}
			assert.Equal(t, []string{"frameworks.vit-mae", "frameworks.vit-dino"}, ids[len(ids)-2:],
				"at this scale the two encoders differ")
			l := plannerOf(s)
			mae := l.TrainPairs(l.vit()...)
			same := variant{"mae", mae.f(), mae, nil}
			section, claims, err := (&Reader{Setting: s, store: st}).transformers([]variant{same, same})
			require.NoError(t, err)
			require.Len(t, claims, 3)
			assert.Equal(t, "frameworks.vit-alike", claims[2].ID)
			assert.Zero(t, *claims[2].Controlled.Value)
			assert.Len(t, section.Tables[0].Rows, 12)
		case "initialisation":
			table := d.Sections[0].Tables[0]
			for _, row := range table.Rows {
				assert.Positive(t, *row[3].Value, "alignment-matrix LayerMem is there")
			}
		}
	}
}
