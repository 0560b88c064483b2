package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/recipes"
)

// Setting is what all studies of one call have in common.
type Setting struct {
	Scale string // one of Scales
	// Pairs is the number of pairs of encoders; 0: the scale's. Pairs differ in initial
	// weights, order and views. Only crossed pairs also differ in their images.
	Pairs int
	// Seed is that of the first pair and of the split. The next pairs have the next seeds.
	Seed uint64
	// From leaves out the pairs before this one, counted from 1; 0 is 1. Other pairs can
	// then judge a claim that the first ones suggested.
	From    int
	DataDir string // folder of CIFAR-10, for all scales but tiny
	Threads int    // 0: all
	// Distance is that of the scores that claims are about; "": unit-l2, the authors'.
	// With another one all distances are scored, so that the steps serve all of them.
	Distance memorize.Distance
	// Other names the data that layers are taken from and encoders are moved to, one of
	// data.Sources; "": synthetic images of another seed.
	Other    string
	OtherDir string // folder of the files of Other
}

// scale is how large studies are.
type scale struct {
	name  string
	base  []byte   // the recipe; nil: the default one
	sets  []string // changes to it
	pairs int
	vit   []string // further changes for vision transformers
	// crossed are further changes for crossed pairs, crossedPairs is their number.
	crossed      []string
	crossedPairs int
}

var scales = []scale{
	{
		name: "tiny", pairs: 3, crossedPairs: 4,
		sets: []string{"encoder.width=0.25", "train.epochs=60", "knn.every=60"},
		crossed: []string{
			"split.shared=60", "split.candidate=320", "split.independent=320", "split.external=200",
			"score.points.shared=0", "encoder.width=0.5", "train.epochs=120", "knn.every=120",
		},
		vit: []string{
			"encoder.name=vit_tiny_patch4", "encoder.width=0.5", "encoder.pool=avg", "method.name=mae",
			"train.epochs=20", "train.lr=0.0005", "train.optimizer=adamw", "knn.every=20",
			`score.taps=["blocks.*"]`,
			// Few views and points, so that scoring takes no longer than training.
			"score.views=4", "score.points.shared=100", "score.points.candidate=100",
			"score.points.independent=100", "score.points.external=100",
		},
	},
	{
		name: "mini", base: recipes.CIFAR10Mini, pairs: 3, crossedPairs: 4,
		crossed: []string{
			"split.shared=500", "split.candidate=4000", "split.independent=4000", "split.external=1000",
			"train.winograd=f4",
		},
		vit: []string{
			"encoder.name=vit_tiny_patch4", "encoder.width=0.5", "encoder.pool=avg",
			"method.name=mae", "method.decoder_depth=1", "method.decoder_dim=96",
			"train.epochs=60", "train.optimizer=adamw", "train.lr=0.0005", "train.weight_decay=0.05",
			"train.beta2=0.95", "train.warmup_epochs=6", "knn.every=30", `score.taps=["blocks.*"]`,
		},
	},
	{
		name: "small", base: recipes.CIFAR10Mini, pairs: 3, crossedPairs: 4,
		sets: []string{
			"split.shared=20000", "split.candidate=2500", "split.independent=2500", "split.external=2500",
			"train.epochs=200",
		},
		crossed: []string{
			"split.shared=1000", "split.candidate=21500", "split.independent=21500", "score.points.shared=1000",
		},
		vit: []string{
			"encoder.name=vit_tiny_patch4", "encoder.pool=avg",
			"method.name=mae", "method.decoder_depth=2", "method.decoder_dim=96",
			"train.epochs=200", "train.optimizer=adamw", "train.lr=0.0005", "train.weight_decay=0.05",
			"train.beta2=0.95", "train.warmup_epochs=20", `score.taps=["blocks.*"]`,
		},
	},
	{ // The trainings are those of recipes/paper-simclr.yaml and recipes/paper-mae.yaml.
		name: "paper", base: readRecipe("paper-simclr"), pairs: 3, crossedPairs: 4,
		crossed: []string{
			"split.shared=1000", "split.candidate=24500", "split.independent=24500", "split.external=5000",
			"score.points.shared=1000",
		},
		vit: []string{
			"encoder.name=vit_tiny_patch4", "encoder.pool=avg",
			"method.name=mae", "method.decoder_depth=4", "method.decoder_dim=192", "method.decoder_heads=3",
			"method.projector=[128,64]", "augment.preset=masking",
			"train.batch=2048", "train.optimizer=adamw", "train.lr=0.0012", "train.weight_decay=0.05",
			"train.beta2=0.95", "score.augment.preset=normal", `score.taps=["blocks.*"]`,
		},
	},
}

// readRecipe returns the text of a recipe that comes with the program. It panics if
// there is none of that name.
func readRecipe(name string) []byte {
	text, err := recipes.Read(name)
	if err != nil {
		panic(err)
	}
	return text
}

// Scales returns the names of the scales, the smallest first.
func Scales() []string {
	var out []string
	for _, s := range scales {
		out = append(out, s.name)
	}
	return out
}

func (s Setting) scale() (*scale, error) {
	i := slices.IndexFunc(scales, func(c scale) bool { return c.name == s.Scale })
	if i < 0 {
		return nil, fmt.Errorf("scale: found %q, expected one of %s", s.Scale, strings.Join(Scales(), ", "))
	}
	return &scales[i], nil
}

// first is the number of the first pair, from 1.
func (s Setting) first() int { return max(s.From, 1) }

// recipe returns the recipe of a pair, counted from 0, at a scale, changed by sets.
func (s Setting) recipe(c *scale, pair int, sets []string) (*recipe.Recipe, error) {
	var all []string
	if s.DataDir != "" && c.base != nil {
		all = append(all, "data.dir="+s.DataDir) // before sets, which may name other data
	}
	all = slices.Concat(all, c.sets, sets, []string{
		"name=" + c.name,
		fmt.Sprintf("seed=%d", s.Seed+uint64(s.first()-1+pair)),
		fmt.Sprintf("split.seed=%d", s.Seed),
		fmt.Sprintf("score.seed=%d", s.Seed),
		fmt.Sprintf("train.threads=%d", s.Threads),
	})
	if s.Distance != "" && s.Distance != memorize.UnitL2 {
		all = append(all, allDistances)
	}
	return recipe.Request{File: c.name + " scale", Src: c.base, Own: all}.Read()
}

// distance is that of the scores that claims are about.
func (s Setting) distance() memorize.Distance {
	if s.Distance == "" {
		return memorize.UnitL2
	}
	return s.Distance
}

// command is the command line of a study.
func (s Setting) command(name string) string {
	c := fmt.Sprintf("locimem study %s --scale %s", name, s.Scale)
	for _, flag := range []struct {
		given bool
		text  string
	}{
		{s.Pairs != 0, fmt.Sprintf(" --pairs %d", s.Pairs)},
		{s.From > 1, fmt.Sprintf(" --from %d", s.From)},
		{s.Distance != "", fmt.Sprintf(" --distance %s", s.Distance)},
		{s.Seed != 1, fmt.Sprintf(" --seed %d", s.Seed)},
		{s.Scale != "tiny", " --data-dir DIR"},
		{s.Other != "", fmt.Sprintf(" --other %s --other-dir DIR", s.Other)},
	} {
		if flag.given {
			c += flag.text
		}
	}
	return c
}
