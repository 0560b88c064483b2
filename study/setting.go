// Package study holds the studies: the experiments of the paper
// "Localizing Memorization in SSL Vision Encoders" (arXiv 2409.19069), and ours,
// one file each. A study plans a graph of steps, whose results are kept in a store
// and shared with the other studies, and ends with a report in which the claims
// have verdicts, computed by a rule that was written down before.
package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/recipes"
)

// Setting is what is the same for all studies of one call.
type Setting struct {
	Scale string // one of Scales
	// Pairs is the number of pairs of encoders; 0: the scale's. They share their
	// images, and differ in initial weights, order and views.
	Pairs int
	Seed  uint64 // of the first pair, and of the split; the next pairs have the next seeds
	// From leaves out the pairs before this one, counted from 1; 0 is 1. A claim that
	// some pairs have suggested is judged by others.
	From    int
	DataDir string // folder of CIFAR-10, for all scales but tiny
	Threads int    // 0: all
	// Distance is that of the scores which claims are about; "": unit-l2, the authors'.
	// With another one all are scored, so that steps serve all of them.
	Distance memorize.Distance
	// Other are the data that layers are taken from and encoders are moved to; "":
	// synthetic images of another seed. Its images are brought to the size of the
	// scale's own.
	Other    string // one of data.Sources, in OtherDir
	OtherDir string
}

// scale is how large studies are.
type scale struct {
	name  string
	base  []byte   // recipe
	sets  []string // changes of it
	pairs int
	// vit are further changes for a study of vision transformers.
	vit []string
	// crossed are further changes for crossed pairs, crossedPairs their number.
	crossed      []string
	crossedPairs int
}

var scales = []scale{
	{name: "tiny", crossedPairs: 4,
		crossed: []string{"split.shared=60", "split.candidate=320", "split.independent=320", "split.external=200", "score.points.shared=0",
			"encoder.width=0.5", "train.epochs=120", "knn.every=120"},
		sets: []string{"encoder.width=0.25", "train.epochs=60", "knn.every=60"}, pairs: 3,
		vit: []string{"encoder.name=vit_tiny_patch4", "encoder.width=0.5", "encoder.pool=avg", "method.name=mae", "train.epochs=20", "train.lr=0.0005", "train.optimizer=adamw", "knn.every=20", "score.taps=[\"blocks.*\"]",
			"score.views=4", "score.points.shared=100", "score.points.candidate=100", "score.points.independent=100", "score.points.external=100"}}, // scoring is not to take longer than training
	{name: "mini", base: recipes.CIFAR10Mini, pairs: 3, crossedPairs: 4,
		crossed: []string{"split.shared=500", "split.candidate=4000", "split.independent=4000", "split.external=1000", "train.winograd=f4"},
		vit: []string{"encoder.name=vit_tiny_patch4", "encoder.width=0.5", "encoder.pool=avg", "method.name=mae", "method.decoder_depth=1", "method.decoder_dim=96",
			"train.epochs=60", "train.optimizer=adamw", "train.lr=0.0005", "train.weight_decay=0.05", "train.beta2=0.95", "train.warmup_epochs=6", "knn.every=30", "score.taps=[\"blocks.*\"]"}},
	{name: "small", base: recipes.CIFAR10Mini, pairs: 3, crossedPairs: 4,
		crossed: []string{"split.shared=1000", "split.candidate=21500", "split.independent=21500", "score.points.shared=1000"},
		sets:    []string{"split.shared=20000", "split.candidate=2500", "split.independent=2500", "split.external=2500", "train.epochs=200"},
		vit: []string{"encoder.name=vit_tiny_patch4", "encoder.pool=avg", "method.name=mae", "method.decoder_depth=2", "method.decoder_dim=96",
			"train.epochs=200", "train.optimizer=adamw", "train.lr=0.0005", "train.weight_decay=0.05", "train.beta2=0.95", "train.warmup_epochs=20", "score.taps=[\"blocks.*\"]"}},
	// Those of recipes/paper-simclr.yaml and recipes/paper-mae.yaml.
	{name: "paper", base: must("paper-simclr"), pairs: 3, crossedPairs: 4,
		crossed: []string{"split.shared=1000", "split.candidate=24500", "split.independent=24500", "split.external=5000", "score.points.shared=1000"},
		vit: []string{"encoder.name=vit_tiny_patch4", "encoder.pool=avg", "method.name=mae", "method.decoder_depth=4", "method.decoder_dim=192", "method.decoder_heads=3", "method.projector=[128,64]", "augment.preset=masking",
			"train.batch=2048", "train.optimizer=adamw", "train.lr=0.0012", "train.weight_decay=0.05", "train.beta2=0.95", "score.augment.preset=normal", "score.taps=[\"blocks.*\"]"}},
}

// must returns the text of a recipe that comes with the program.
func must(name string) []byte {
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

// recipe returns the recipe of the pair-th pair at a scale, changed by sets.
func (s Setting) recipe(c *scale, pair int, sets []string) (*recipe.Recipe, error) {
	var all []string
	if s.DataDir != "" && c.base != nil {
		all = append(all, "data.dir="+s.DataDir) // before sets, which may name other data
	}
	all = slices.Concat(all, c.sets, sets, []string{"name=" + c.name, fmt.Sprintf("seed=%d", s.Seed+uint64(s.first()-1+pair)), fmt.Sprintf("split.seed=%d", s.Seed),
		fmt.Sprintf("score.seed=%d", s.Seed), fmt.Sprintf("train.threads=%d", s.Threads)})
	if s.Distance != "" && s.Distance != memorize.UnitL2 {
		all = append(all, allDistances)
	}
	return recipe.Read(c.name+" scale", c.base, all)
}
