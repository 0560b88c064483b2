package run

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// blank are images of one colour, as many as a recipe may ask for.
type blank struct {
	data.Dataset
	h, w, c int
	pixels  []uint8
}

func (d blank) Name() string         { return "blank" }
func (d blank) Len() int             { return 50000 }
func (d blank) Shape() (h, w, c int) { return d.h, d.w, d.c }
func (d blank) Classes() []string    { return make([]string, 10) }
func (d blank) Label(i int) int      { return i % 10 }
func (d blank) Image(int) []uint8    { return d.pixels }

// Every recipe of the repository makes an encoder, its method and optimiser, and
// augmenters, down to a trainer that would start.
func TestRecipesCanBeTrained(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testutil.Root(), "recipes", "*.yaml"))
	require.NoError(t, err)
	mini, paper := map[string]bool{}, map[string]bool{}
	e, err := tensor.NewEngine(tensor.Options{Threads: 2})
	require.NoError(t, err)
	defer e.Close()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := recipe.Load(file, nil)
			require.NoError(t, err)
			switch name := filepath.Base(file); {
			case strings.HasPrefix(name, "paper-"):
				assert.Equal(t, strings.TrimSuffix(name, ".yaml"), r.Name)
				assert.True(t, strings.HasPrefix(name, "paper-"+r.Method.Name))
				assert.Equal(t, "paper", r.Split.Mode)
				paper[r.Method.Name] = true
			case strings.HasSuffix(name, "-mini.yaml"):
				mini[r.Method.Name] = true
			}
			h, w, c := r.ImageShape()
			images := blank{h: h, w: w, c: c, pixels: make([]uint8, h*w*c)}
			l := &Setup{Recipe: r, Train: images, Test: images, Split: &data.Split{}}
			for i := range r.Split.Shared + r.Split.Candidate {
				l.Split.Shared = append(l.Split.Shared, i)
			}
			require.NoError(t, l.augmenters())
			enc, err := l.Encoder(memorize.F)
			require.NoError(t, err)
			method, err := l.Method(enc, memorize.F)
			require.NoError(t, err)
			assert.Equal(t, r.Method.Name, method.Name())
			opt, err := l.Optimizer(e, method.Params(), memorize.F)
			require.NoError(t, err)
			private, err := r.Private(len(l.TrainIndices(memorize.F)))
			require.NoError(t, err)
			_, err = ssl.NewTrainer(ssl.TrainerConfig{Name: memorize.F.String(), Engine: e, Method: method, Optimizer: opt,
				Schedule: l.schedule(10),
				Dataset:  l.Train, Indices: l.TrainIndices(memorize.F), Augment: l.Augment, Views: l.Views,
				Batch:  min(r.Train.Batch, 2),
				Epochs: 1, Private: private})
			require.NoError(t, err)
		})
	}
	for _, name := range ssl.Names() {
		assert.True(t, paper[name], "recipes/paper-%s.yaml", name)
		assert.True(t, mini[name], "recipes/%s-mini.yaml", name)
	}
}
