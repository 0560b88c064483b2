package perturb

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/ssl"
)

// Training on one point, watched from end to end: the rows are UnitMem of the same
// units, measured again by ScoreUnits.
func TestTracker(t *testing.T) {
	ctx := context.Background()
	e := newEngine(t)
	d, err := data.NewSynthetic(data.SyntheticOptions{N: 40, Classes: 4, Size: 16, Seed: 1})
	require.NoError(t, err)
	views, err := augment.New(augment.SimCLR(), 16, 16, 3)
	require.NoError(t, err)
	enc, err := nn.NewEncoder("resnet9", small9, 1)
	require.NoError(t, err)
	// Three channels whose shift is so low that no image reaches them, one of them
	// out of all reach.
	for _, p := range enc.Params() {
		if p.Name == "bn4_2.bias" {
			copy(p.Value.Data(), []float32{-50, -50, -1e6})
		}
	}
	set := memorize.Images{Set: memorize.Set{Name: "all", Points: []int{0, 1, 2, 3, 4, 5, 30}}, Data: d}
	o := memorize.DefaultOptions()
	o.Views, o.Taps = 2, []string{"relu4_2"}
	start, err := memorize.ScoreUnits(ctx, e, enc, set, views, o, 1, nil)
	require.NoError(t, err)
	track, err := NewTracker(ctx, e, enc, set, views, o, nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, track.Rows[0].DeadUnits, 3)
	assert.Zero(t, track.Rows[0].Dead)
	assert.Zero(t, track.Rows[0].Revived)

	m, err := ssl.New("simsiam", ssl.SimSiamConfig{Projector: []int{16, 8}, Predictor: []int{4}, PredictorLR: "schedule"}, ssl.Setup{Encoder: enc, Seed: 1})
	require.NoError(t, err)
	sgd, err := optim.NewSGD(e, m.Params(), optim.SGDConfig{Momentum: .9})
	require.NoError(t, err)
	config, err := ssl.ContinueOn(ssl.TrainerConfig{Name: "f", Engine: e, Method: m, Optimizer: sgd, Schedule: optim.CosineWarmup{Base: .05, Total: 8},
		Dataset: d, Augment: views, Batch: 8, Epochs: 4, Seed: 2,
		Hooks: ssl.Hooks{Evaluate: func(ctx context.Context, epoch int) (float64, bool, error) {
			if epoch == 2 { // what a training can do, made sure of
				for _, p := range enc.Params() {
					if p.Name == "bn4_2.bias" {
						p.Value.Data()[0] = 1
					}
				}
			}
			return 0, false, track.Measure(ctx, epoch)
		}}}, []int{30}, 16)
	require.NoError(t, err)
	trainer, err := ssl.NewTrainer(config)
	require.NoError(t, err)
	require.NoError(t, trainer.Run(ctx))

	require.Len(t, track.Rows, 5)
	last := track.Rows[4]
	assert.Equal(t, 4, last.Epoch)
	assert.NotEqual(t, track.Rows[0].Best, last.Best)
	all, err := memorize.ScoreUnits(ctx, e, enc, set, views, o, len(set.Points), nil)
	require.NoError(t, err)
	revived, sum, highest, owned, units := 0, 0., 0., 0, 0
	for i, u := range all {
		if u.Unit == last.Unit {
			assert.Equal(t, u.Point, last.Owner)
			value, found := u.For(track.Rows[0].Owner)
			require.True(t, found)
			assert.Equal(t, value, last.Best, "for the point that owned it at the start")
		}
		if u.Bounded && u.Point >= 0 {
			units++
		}
		if u.Bounded && u.Point == track.Rows[0].Owner {
			owned++
		}
		if start[i].Point < 0 {
			sum += u.Value
			highest = max(highest, u.Value)
			if u.Point >= 0 {
				revived++
			}
		}
	}
	assert.Equal(t, revived, last.Revived)
	assert.Equal(t, highest, last.DeadMax)
	assert.Positive(t, owned)
	assert.Equal(t, []int{owned, units}, []int{last.Owned, last.Units})
	assert.InDelta(t, sum/float64(last.DeadUnits), last.Dead, 1e-12)
	assert.Positive(t, last.Dead)
	assert.Less(t, last.Revived, last.DeadUnits, "those out of reach stay dead")
	for _, r := range track.Rows {
		assert.Equal(t, []any{track.Rows[0].Tap, track.Rows[0].Unit, track.Rows[0].DeadUnits}, []any{r.Tap, r.Unit, r.DeadUnits})
	}
}

func TestTrackerWantsUnitsThatCanBeRanked(t *testing.T) {
	e := newEngine(t)
	d, err := data.NewSynthetic(data.SyntheticOptions{N: 4, Classes: 2, Size: 16, Seed: 1})
	require.NoError(t, err)
	views, err := augment.New(augment.SimCLR(), 16, 16, 3)
	require.NoError(t, err)
	enc := encoder(t, "resnet9", small9, 1)
	dead, err := Prune(enc, []Units{{"conv1", []int{0, 1, 2, 3}}})
	require.NoError(t, err)
	o := memorize.DefaultOptions()
	o.Views, o.Taps = 2, []string{"relu1"}
	set := memorize.Images{Set: memorize.Set{Name: "all", Points: []int{0, 1, 2}}, Data: d}
	_, err = NewTracker(context.Background(), e, dead, set, views, o, nil)
	assert.ErrorContains(t, err, "all 4 units are dead")
	_, err = NewTracker(context.Background(), e, enc, set, views, o, []int{3})
	assert.ErrorContains(t, err, "the 1 points to choose among own none of")
	all, err := memorize.ScoreUnits(context.Background(), e, enc, set, views, o, 1, nil)
	require.NoError(t, err)
	for _, point := range set.Points { // the best unit of each point
		i := slices.IndexFunc(memorize.TopUnits(all, len(all)), func(u memorize.RankedUnit) bool { return u.Point == point })
		track, err := NewTracker(context.Background(), e, enc, set, views, o, []int{point})
		if i < 0 {
			assert.Error(t, err)
			continue
		}
		require.NoError(t, err)
		u := memorize.TopUnits(all, len(all))[i]
		assert.InDelta(t, u.Value, track.Rows[0].Best, 1e-12, "UnitMem itself for the owner")
		assert.Equal(t, []int{u.Unit, point}, []int{track.Rows[0].Unit, track.Rows[0].Owner})
	}
}
