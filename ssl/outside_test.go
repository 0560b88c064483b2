package ssl_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

func read(t *testing.T, sets ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Read("", nil, sets)
	require.NoError(t, err, sets)
	return r
}

// A method from outside has fields in recipes like any other: with its own defaults,
// checked, hashed and written, in any order, and without a trace in other recipes.
func TestMethodFromOutsideInRecipes(t *testing.T) {
	r := read(t, "method.name=spread")
	assert.Equal(t, SpreadConfig{Projector: []int{16, 8}, Margin: 1}, r.Method.Config,
		"its defaults, not those of recipes/default.yaml")
	other := read(t, "method.margin=2", "method.projector=[9]", "method.name=spread")
	assert.Equal(t, SpreadConfig{Projector: []int{9}, Margin: 2}, other.Method.Config)
	assert.NotEqual(t, r.TrainHash(), read(t, "method.name=spread", "method.margin=2").TrainHash())
	for set, want := range map[string]string{
		"method.queue=999": "method.queue: found 999, but method spread has no such setting, expected one of its own or " +
			"method.name to be mocov2",
		"method.name=simclr": "method.margin: found 2, but method simclr has no such setting, expected one of its own or " +
			"method.name to be spread",
	} {
		_, err := recipe.Read("", nil, []string{"method.margin=2", "method.name=spread", set})
		assert.ErrorContains(t, err, want)
	}
	assert.Len(t, r.Views(), 2)

	var b bytes.Buffer
	require.NoError(t, other.Write(&b))
	assert.Contains(t, b.String(), "\nmethod:\n  name: spread\n  projector: [9]\n  margin: 2\naugment:\n")
	again, err := recipe.Read("recipe.yaml", b.Bytes(), nil)
	require.NoError(t, err)
	assert.Equal(t, other, again)

	for set, want := range map[string]string{
		"method.margin=-1":   "--set method.margin=-1: method.margin: found -1, expected more than 0",
		"method.margin=wide": "method.margin: want a number, found the text",
		"method.margn=1":     "no field method.margn; did you mean method.margin?",
		"train.accumulate=2": "train.accumulate: want 1: method spread takes whole batches only, found 2",
	} {
		_, err := recipe.Read("", nil, []string{"method.name=spread", set})
		assert.ErrorContains(t, err, want, set)
	}
	_, err = recipe.Read("", nil, []string{"method.name=spread", "train.private.noise=1"})
	assert.ErrorContains(t, err, "method.name: train.private: spread compares each image with the others of its batch")
	_, err = recipe.Read("", nil, []string{"method.name=sprad"})
	assert.ErrorContains(t, err, "did you mean spread?")
}

// It is trained, watched, stopped and taken up again like any other.
func TestMethodFromOutsideInTheTrainer(t *testing.T) {
	r := read(t, "method.name=spread", "method.margin=2")
	run := func(ctx context.Context, dir string, change func(*ssl.TrainerConfig)) (string, nn.Encoder, error) {
		e, err := tensor.NewEngine(tensor.Options{Threads: 2})
		require.NoError(t, err)
		defer e.Close()
		images, err := data.NewSynthetic(data.SyntheticOptions{N: 32, Classes: 4, Size: 16, Seed: 1})
		require.NoError(t, err)
		enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, InH: 16, InW: 16}, 1)
		require.NoError(t, err)
		m, err := ssl.New(r.Method.Name, r.Method.Config, ssl.Setup{Encoder: enc, Seed: 2})
		require.NoError(t, err)
		adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{})
		require.NoError(t, err)
		views, err := augment.New(r.Augment, 16, 16, 3)
		require.NoError(t, err)
		c := ssl.TrainerConfig{Name: "f", Engine: e, Method: m, Optimizer: adam, Schedule: optim.Constant(1e-3),
			Dataset: images,
			Indices: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, Augment: views, Batch: 4, Epochs: 2, Seed: 3,
			CheckpointDir: dir, RecipeHash: r.TrainHash()}
		if change != nil {
			change(&c)
		}
		trainer, err := ssl.NewTrainer(c)
		if err != nil {
			return "", nil, err
		}
		err = trainer.Run(ctx)
		return nn.Hash(m.Params()), enc, err
	}
	whole, _, err := run(t.Context(), "", nil)
	require.NoError(t, err)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err = run(ctx, dir, func(c *ssl.TrainerConfig) { c.Hooks.OnStep = func(p ssl.Progress) { cancel() } })
	require.ErrorIs(t, err, context.Canceled)
	resumed, _, err := run(t.Context(), dir, func(c *ssl.TrainerConfig) {
		c.Hooks.OnStart = func(s ssl.Start) { assert.Equal(t, 1, s.Step) }
	})
	require.NoError(t, err)
	assert.Equal(t, whole, resumed)
	_, _, err = run(t.Context(), "", func(c *ssl.TrainerConfig) { c.Accumulate = 2 })
	assert.ErrorContains(t, err, "accumulate: found 2, expected 1: spread takes whole batches only")
}

// clash is a method that cannot be registered.
type clash struct {
	SpreadConfig `yaml:"-"`
	Queue        float64 `yaml:"queue"`
}

type named struct {
	SpreadConfig `yaml:"-"`
	Name         string `yaml:"name"`
}

func TestRegisterRefuses(t *testing.T) {
	for want, k := range map[string]ssl.Kind{
		`ssl: Register("simclr"): name: found one that is taken`:       {Name: "simclr", Config: SpreadConfig{}},
		`found name "" and settings ssl_test.SpreadConfig`:             {Config: SpreadConfig{}},
		`found name "x" and settings <nil>`:                            {Name: "x"},
		`found name "x" and settings *ssl_test.SpreadConfig`:           {Name: "x", Config: &SpreadConfig{}},
		`queue: found a field of type float64, expected int as in met`: {Name: "x", Config: clash{}},
		`settings: found a field "name", expected other names`:         {Name: "x", Config: named{}},
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), want) }()
			ssl.Register(k)
		}()
		_, ok := ssl.Lookup("x")
		assert.False(t, ok)
	}
}

// The table of docs/methods.md is what the methods say of themselves.
func TestMethodsAreInTheDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testutil.Root(), "docs", "methods.md"))
	require.NoError(t, err)
	for _, k := range ssl.Kinds() {
		if k.Name == "spread" {
			continue
		}
		row := fmt.Sprintf("| `%s` | %s | %s | [%s.go](../ssl/%s.go) |", k.Name, k.Summary, k.Source, k.Name, k.Name)
		assert.Contains(t, string(text), strings.ReplaceAll(row, "|  |", "| |"))
	}
}
