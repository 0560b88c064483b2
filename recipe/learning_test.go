package recipe_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
)

// The recipes of the learning table are one for each method, on 10,000 training
// images and the whole test part, and have nothing that the PyTorch side, which
// trains by them too (bench/peers/torch_learn.py), does not do.
func TestLearningRecipes(t *testing.T) {
	for _, name := range ssl.Names() {
		if name == "supervised" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r, err := recipe.Load("../bench/learning/"+name+".yaml", []string{"data.dir=DIR"})
			require.NoError(t, err)
			assert.Equal(t, name, r.Method.Name)
			assert.Equal(t, "learn-"+name, r.Name)
			assert.Equal(t, 10_000, r.Split.Shared+r.Split.Candidate)
			assert.Equal(t, recipe.KNN{Every: r.Train.Epochs, K: 200, T: 0.1}, r.KNN, "the first and the last epoch, all images")
			assert.Equal(t, []any{"auto", "auto", 0.}, []any{r.Encoder.Norm, r.Encoder.Positions, r.Encoder.DropPath})
			assert.Equal(t, []any{"float32", "none", 0.}, []any{r.Train.Precision, r.Train.Winograd, r.Train.ClipNorm})
			assert.Nil(t, r.Train.WeightDecayEnd)
			switch c := r.Method.Config.(type) {
			case ssl.MAEConfig:
				assert.False(t, c.NormPix)
			case ssl.MoCoV2Config:
				assert.False(t, c.ProjectorBN)
			}
			if r.Train.Optimizer == "adam" {
				assert.Zero(t, r.Train.WeightDecay)
			}
		})
	}
	files, err := filepath.Glob("../bench/learning/*.yaml")
	require.NoError(t, err)
	assert.Len(t, files, len(ssl.Names())-1)
}

// Every setting that the PyTorch side looks up is a field of a run's recipe.yaml.
func TestLearningSettingsExist(t *testing.T) {
	fields := map[string]map[string]any{"method": {}}
	for _, name := range ssl.Names() {
		r, err := recipe.Load("", []string{"method.name=" + name, "encoder.name=vit_tiny_patch4"})
		require.NoError(t, err)
		var doc bytes.Buffer
		require.NoError(t, r.Write(&doc))
		var own map[string]any
		require.NoError(t, yaml.Unmarshal(doc.Bytes(), &own))
		for section, values := range own {
			if values, ok := values.(map[string]any); ok && section != "method" {
				fields[section] = values
			} else if ok {
				maps.Copy(fields[section], values)
			}
		}
	}
	section := map[string]string{"m": "method", "t": "train", "e": "encoder", "a": "augment", "k": "knn"}
	lookup := regexp.MustCompile(`\b(?:self\.)?([mteak])\["(\w+)"\]`)
	found := map[string]int{}
	for _, file := range []string{"torch_learn.py", "learn_methods.py", "learn_mae.py"} {
		src, err := os.ReadFile("../bench/peers/" + file)
		require.NoError(t, err)
		for _, m := range lookup.FindAllStringSubmatch(string(src), -1) {
			name := section[m[1]]
			assert.Contains(t, fields[name], m[2], "%s reads %s.%s", file, name, m[2])
			found[name]++
		}
	}
	for _, name := range section {
		assert.NotZero(t, found[name], "%s: nothing looked up", name)
	}
}
