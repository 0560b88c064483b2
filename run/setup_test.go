package run

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// Every method of ssl comes out of a recipe with the recipe's settings, and every
// optimiser.
func TestSetupMakesEveryMethod(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	optimisers := []string{"adam", "adamw", "sgd", "lars"}
	for i, name := range ssl.Names() {
		sets := []string{"method.name=" + name, "train.optimizer=" + optimisers[i%len(optimisers)],
			"train.clip_norm=1", "train.weight_decay=0.01", "train.weight_decay_end=0.1"}
		if own := map[string]string{"mae": "encoder.name=vit_tiny_patch4", "mocov2": "method.queue=40",
			"dino": "method.prototypes=30"}[name]; own != "" {
			sets = append(sets, own)
		}
		l, err := Open(tiny(t, sets...))
		require.NoError(t, err)
		enc, err := l.Encoder(memorize.F)
		require.NoError(t, err)
		m, err := l.Method(enc, memorize.F)
		require.NoError(t, err)
		assert.Equal(t, name, m.Name())
		shapes, teachers := map[string][]int{}, 0
		for _, p := range m.Params() {
			shapes[p.Name] = p.Value.Shape()
			if strings.HasPrefix(p.Name, "teacher.") {
				teachers++
			}
		}
		switch name {
		case "byol", "mocov2", "mocov3", "dino":
			assert.GreaterOrEqual(t, teachers, len(enc.Params()), name)
		default:
			assert.Zero(t, teachers, name)
		}
		assert.Equal(t, name == "mocov2", shapes["queue"] != nil)
		assert.Equal(t, name == "dino", shapes["centre"] != nil)
		if name == "mocov2" {
			assert.Equal(t, []int{40, 8}, shapes["queue"])
		}
		if name == "dino" {
			assert.Equal(t, []int{30}, shapes["centre"])
		}
		opt, err := l.Optimizer(e, m.Params(), memorize.F)
		require.NoError(t, err)
		assert.NotEmpty(t, opt.State())
		assert.Equal(t, nn.Hash(enc.Params()), nn.Hash(m.Params()[:len(enc.Params())]), "the encoder comes first")
	}
}

// SimSiam's predictor goes on at the full rate when the schedule has come to 0.
func TestConstantRateOfThePredictor(t *testing.T) {
	moved := func(sets ...string) (encoder, predictor bool) {
		l, err := Open(tiny(t, append(sets, "method.name=simsiam", "method.predictor=[8]", "train.clip_norm=5",
			"train.weight_decay=0.1", "train.weight_decay_end=0.2")...))
		require.NoError(t, err)
		e, err := tensor.NewEngine(tensor.Options{Threads: 1})
		require.NoError(t, err)
		defer e.Close()
		enc, err := l.Encoder(memorize.F)
		require.NoError(t, err)
		m, err := l.Method(enc, memorize.F)
		require.NoError(t, err)
		o, err := l.Optimizer(e, m.Params(), memorize.F)
		require.NoError(t, err)
		before := nn.Clone(m.Params())
		views := []*tensor.Tensor{tensor.New(4, 16, 16, 3), tensor.New(4, 16, 16, 3)}
		for _, v := range views {
			for i := range v.Data() {
				v.Data()[i] = float32(i*i%17) / 17
			}
		}
		_, err = ssl.Step(ssl.StepConfig{Tape: e.NewTape(tensor.Training), Method: m, Optimizer: o, LR: 0, Steps: 1}, views)
		require.NoError(t, err)
		for i, p := range m.Params() {
			if p.Buffer || nn.Hash([]*nn.Param{p}) == nn.Hash(before[i:i+1]) {
				continue
			}
			if strings.HasPrefix(p.Name, ssl.PredictorPrefix) {
				predictor = true
			} else {
				encoder = true
			}
		}
		return encoder, predictor
	}
	encoder, predictor := moved("method.predictor_lr=constant")
	assert.Equal(t, []bool{false, true}, []bool{encoder, predictor})
	encoder, predictor = moved()
	assert.Equal(t, []bool{false, false}, []bool{encoder, predictor})
}
