package perturb

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
)

func TestPrune(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		name  string
		o     nn.EncoderOptions
		side  int
		units Units
		tap   string // where they are 0
		width int
	}{
		{"resnet9", small9, 16, Units{"conv2_1", []int{0, 5}}, "relu2_1", 8},
		{"resnet9", small9, 16, Units{"conv4_2", []int{31}}, "relu4_2", 32},
		{"resnet9", small9g, 16, Units{"conv2_1", []int{1, 6}}, "relu2_1", 8},
		{"resnet18", small9, 16, Units{"layer1.0.conv1", []int{2}}, "layer1.0.relu1", 8},
		{"resnet18", small9, 16, Units{"layer2.0.conv2", []int{3}}, "layer2.0.bn2", 16},
		{"vit_tiny_patch4", smallVT, 8, Units{"blocks.1.mlp.fc1", []int{0, 95}}, "blocks.1.mlp.act", 96},
	} {
		a := encoder(t, c.name, c.o, 1)
		before := nn.Hash(a.Params())
		p, err := Prune(a, []Units{c.units})
		require.NoError(t, err)
		assert.Equal(t, before, nn.Hash(a.Params()), "the given encoder stays")
		assert.Equal(t, c.tap, OutputTap(a, c.units.Layer))
		pruned := map[int]bool{}
		for _, u := range c.units.Index {
			pruned[u] = true
		}
		was, is := outputs(e, a, c.side, 3)[c.tap], outputs(e, p, c.side, 3)[c.tap]
		for i := range is {
			if pruned[i%c.width] {
				require.Zero(t, is[i], "%s %s: unit %d", c.name, c.tap, i%c.width)
			} else {
				require.Equal(t, was[i], is[i], "%s %s: unit %d is another one", c.name, c.tap, i%c.width)
			}
		}
	}
}

func TestPruneErrors(t *testing.T) {
	a := encoder(t, "resnet9", small9, 1)
	_, err := Prune(a, []Units{{"conv1", []int{4}}})
	assert.ErrorContains(t, err, "layer conv1: found unit 4, expected 0 to 3")
	_, err = Prune(a, []Units{{"bn1", []int{0}}})
	assert.ErrorContains(t, err, `found "bn1", expected one of conv1, conv2_0`)
}

// hand are two layers, the second with a dead unit.
var hand = []LayerUnits{
	{"conv1", []float64{.1, .5, .3, .4}, make([]bool, 4)},
	{"conv2_0", []float64{.9, 0, .8, .2, .7, .6, .35, .45}, []bool{false, true, false, false, false, false, false, false}},
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		c    Choice
		want [2][]int
	}{
		{Choice{By: Top, Share: .25}, [2][]int{{1}, {0, 2}}},
		{Choice{By: Low, Share: .25}, [2][]int{{0}, {1, 3}}},
		{Choice{By: Low, Share: .25, Alive: true}, [2][]int{{0}, {3, 6}}},
		{Choice{By: Top, Share: .01}, [2][]int{{1}, {0}}},
		{Choice{By: Top, Share: .25, Total: true}, [2][]int{{}, {0, 2, 4}}},
		{Choice{By: Low, Share: .25, Total: true}, [2][]int{{0}, {1, 3}}},
		{Choice{By: Top, Share: 1, Alive: true}, [2][]int{{0, 1, 2, 3}, {0, 2, 3, 4, 5, 6, 7}}},
	} {
		got, err := Choose(hand, c.c)
		require.NoError(t, err)
		assert.Equal(t, []Units{{"conv1", c.want[0]}, {"conv2_0", c.want[1]}}, got, "%+v", c.c)
	}
	for says, c := range map[string]Choice{`by: found "best"`: {By: "best", Share: .1}, "share: found 0": {By: Top},
		"share: found 1.5": {By: Top, Share: 1.5}} {
		_, err := Choose(hand, c)
		assert.ErrorContains(t, err, says)
	}
}

func TestChooseAtRandom(t *testing.T) {
	draw := func(c Choice) []Units {
		c.By = Random
		u, err := Choose(hand, c)
		require.NoError(t, err)
		return u
	}
	counts := make([]int, 8)
	for trial := range uint64(400) {
		u := draw(Choice{Share: .25, Seed: 3, Trial: trial})
		require.Len(t, u[0].Index, 1)
		require.Len(t, u[1].Index, 2)
		for _, i := range u[1].Index {
			counts[i]++
		}
		require.Equal(t, u, draw(Choice{Share: .25, Seed: 3, Trial: trial}))
	}
	for i, n := range counts { // 100 expected, deviation 8.7
		assert.InDelta(t, 100, n, 40, "unit %d", i)
	}
	assert.NotEqual(t, draw(Choice{Share: .5, Seed: 3}), draw(Choice{Share: .5, Seed: 4}))
	total := draw(Choice{Share: .25, Total: true})
	assert.Equal(t, 3, len(total[0].Index)+len(total[1].Index))
}

func TestByLayer(t *testing.T) {
	a := encoder(t, "resnet9", small9, 1)
	var ranked []memorize.RankedUnit
	for i, v := range []float64{.5, 0, .25, 1} {
		u := memorize.RankedUnit{UnitScore: memorize.UnitScore{Tap: "relu1", Unit: i, Value: v, Point: 7}}
		if v == 0 {
			u.Point = -1
		}
		ranked = append(ranked, u)
	}
	l, err := ByLayer(a, []string{"conv1"}, ranked)
	require.NoError(t, err)
	assert.Equal(t, []LayerUnits{{"conv1", []float64{.5, 0, .25, 1}, []bool{false, true, false, false}}}, l)
	_, err = ByLayer(a, []string{"conv1", "conv3"}, ranked)
	assert.ErrorContains(t, err, "layer conv3: found UnitMem of 0 units of relu3, expected 16")
}
