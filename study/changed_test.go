package study

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
	"github.com/locimem/locimem/tensor"
)

// Studies that change encoders, from their first steps to their reports. Without a change the
// accuracy is that of the encoder's own probe.
func TestStudiesOfChangedEncoders(t *testing.T) {
	s := verySmall(t)
	st := graph.NewStore(t.TempDir())
	ctx := context.Background()
	for _, y := range []Study{swaps, blocks, norms, pruning, finetune} {
		p, _ := carriedOut(t, y, s, st)
		last := p.Steps[len(p.Steps)-1]
		switch y.Name {
		case "swaps":
			var all []swapped
			require.NoError(t, st.Result(last, &all))
			assert.Len(t, all, 1+8+28+56+8+8+8)
			r := plannerOf(s).Recipe(1)
			f := run.ProbeConfig{Path: st.Path(last.Needs()[0], "run", "f.safetensors"), Which: memorize.F}
			probe, err := run.Probe(ctx, r, f, run.Silent{})
			require.NoError(t, err)
			assert.Equal(t, probe.Accuracy, all[0].Own, "nothing was replaced")
			losses := map[string]float64{
				"conv2_0": -all[2].Own, "conv2_1": -all[3].Own, "conv2_2": -all[4].Own, "conv3": -all[5].Own,
			}
			c, err := costsBy(all, losses, 1)
			require.NoError(t, err)
			assert.InDelta(t, 1, c, 1e-12, "the losses rank as the losses")
			checkDeltas(t, st, p.Steps[0])
			checkReplaced(t, st, last, all)
		case "blocks":
			checkBlocks(t, st, last)
		case "pruning":
			var all []pruned
			require.NoError(t, st.Result(last, &all))
			assert.Len(t, all, 1+3*(3+pruneDraws))
			checkPruned(t, st, last, all)
		}
	}
}

// The Deltas by which layers are ranked are those of the scores' own table.
func checkDeltas(t *testing.T, st *graph.Store, score *graph.Step) {
	one, err := readScores(st, score, memorize.UnitL2)
	require.NoError(t, err)
	r := &layered{Results: &Results{scores: []scores{one}}}
	r.convs, err = r.Convolutions()
	require.NoError(t, err)
	of := r.quantities()
	b, err := os.ReadFile(st.Path(score, "scores", "delta.csv"))
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	require.NoError(t, err)
	n := 0
	for _, row := range rows {
		for set, place := range map[string]int{memorize.Controlled: ownDelta, memorize.Candidate: plainDelta} {
			if row[3] != set || row[4] != "paper" || row[5] != string(memorize.UnitL2) || !slices.Contains(r.convs[1:], row[0]) {
				continue
			}
			want, err := strconv.ParseFloat(row[6], 64)
			require.NoError(t, err)
			assert.InDelta(t, want, of[place].values(0)[row[0]], 1e-9, "%s %s", set, row[0])
			n++
		}
	}
	assert.Equal(t, 2*(len(r.convs)-1), n)
}

// The accuracy with a layer from each encoder that the step needs is that of an encoder put
// together by hand.
func checkReplaced(t *testing.T, st *graph.Store, step *graph.Step, all []swapped) {
	r, err := step.Params().(swapParams).Recipe.parse()
	require.NoError(t, err)
	for i, from := range []string{fromOther, fromSame, fromSeed} {
		got := accuracyOf(t, st, step, r, i+1, "conv3.", "bn3.")
		k := slices.IndexFunc(all, func(s swapped) bool {
			return s.From == from && slices.Equal(s.Layers, []string{"conv3"})
		})
		assert.Equal(t, got, all[k].Own, from)
	}
}

// accuracyOf tests the encoder of a step's first need after replacing the parameters with some
// prefixes by those of another need.
func accuracyOf(
	t *testing.T, st *graph.Store, step *graph.Step, r *recipe.Recipe, need int, prefixes ...string,
) float64 {
	l, err := run.Open(r)
	require.NoError(t, err)
	var both [2]nn.Encoder
	for k := range both {
		both[k], err = l.Encoder(memorize.F)
		require.NoError(t, err)
		path := st.Path(step.Needs()[k*need], "run", "f.safetensors")
		_, err = run.LoadEncoder(path, weights.NoPrefix, both[k], run.Silent{})
		require.NoError(t, err)
	}
	source := map[string]*nn.Param{}
	for _, p := range both[1].Params() {
		source[p.Name] = p
	}
	for _, p := range both[0].Params() {
		if slices.ContainsFunc(prefixes, func(x string) bool { return strings.HasPrefix(p.Name, x) }) {
			require.NoError(t, nn.Copy([]*nn.Param{p}, []*nn.Param{source[p.Name]}))
		}
	}
	engine, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer engine.Close()
	got, err := l.Probe(engine, both[0], memorize.F).Accuracy(context.Background())
	require.NoError(t, err)
	return got
}

// The blocks are those of largest Delta, computed here from the scores' own table, and
// the accuracy is that of an encoder put together by hand.
func checkBlocks(t *testing.T, st *graph.Store, step *graph.Step) {
	var all []replaced
	require.NoError(t, st.Result(step, &all))
	assert.Len(t, all, blockChoices)
	r, err := step.Params().(blockSwapParams).Recipe.parse()
	require.NoError(t, err)
	b, err := os.ReadFile(st.Path(step.Needs()[2], "scores", "layermem.csv"))
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	require.NoError(t, err)
	place := func(name string) int { return slices.Index(rows[0], name) }
	last := map[string]float64{} // by block, "" the stem: behind its last convolution
	for _, row := range rows[1:] {
		paper := row[place("estimator")] == "paper" && row[place("distance")] == "unit-l2"
		if row[place("set")] == memorize.Controlled && paper {
			v, err := strconv.ParseFloat(row[place("mean")], 64)
			require.NoError(t, err)
			last[row[place("tap")][:max(0, strings.LastIndex(row[place("tap")], "."))]] = v
		}
	}
	names := []string{"layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer3.0", "layer3.1", "layer4.0", "layer4.1"}
	delta, before := map[string]float64{}, ""
	for _, n := range names {
		delta[n], before = last[n]-last[before], n
	}
	require.Len(t, last, 1+len(names))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(delta[b], delta[a]) })
	want := slices.Sorted(slices.Values(names[:blocksReplaced]))
	assert.Equal(t, replaced{By: byControlled, End: endMost, Blocks: want, accuracies: all[1].accuracies}, all[1])
	assert.Equal(t, []string{"layer3.1", "layer4.0", "layer4.1"}, all[5].Blocks, "the deepest")
	assert.Equal(t, []string{"layer1.0", "layer1.1", "layer2.0"}, all[6].Blocks, "the first")
	assert.NotEqual(t, all[9].Blocks, all[10].Blocks, "of two random choices")
	assert.Equal(t, accuracyOf(t, st, step, r, 1), all[0].Own)
	assert.Equal(t, accuracyOf(t, st, step, r, 1, "layer3.1.", "layer4."), all[5].Own)
}

// The accuracy without the top units is that of an encoder whose channels of largest UnitMem are
// silenced here.
func checkPruned(t *testing.T, st *graph.Store, step *graph.Step, all []pruned) {
	p := step.Params().(pruneParams)
	r, err := p.Recipe.parse()
	require.NoError(t, err)
	o, err := openEncoder(r, st.Path(step.Needs()[0], "run", "f.safetensors"))
	require.NoError(t, err)
	defer o.engine.Close()
	set := memorize.Images{Set: memorize.Set{Name: "any", Points: o.data.Split.Independent}, Data: o.data.Train}
	options := r.ScoreOptions()
	options.Taps = nil
	ranked, err := memorize.ScoreUnits(context.Background(), o.engine, o.encoder, set, o.data.ScoreViews, options, 1, nil)
	require.NoError(t, err)
	silent := map[string]bool{}
	for _, layer := range perturb.PrunableLayers(o.encoder) {
		var of []memorize.RankedUnit
		for _, u := range ranked {
			if u.Tap == perturb.OutputTap(o.encoder, layer) {
				of = append(of, u)
			}
		}
		count := max(1, int(float64(len(of))/10+0.5))
		for _, u := range memorize.TopUnits(of, count) {
			silent[fmt.Sprint(layer, u.Unit)] = true
		}
	}
	var chosen []perturb.Units
	for _, layer := range perturb.PrunableLayers(o.encoder) {
		u := perturb.Units{Layer: layer}
		for k := range 64 {
			if silent[fmt.Sprint(layer, k)] {
				u.Index = append(u.Index, k)
			}
		}
		chosen = append(chosen, u)
	}
	enc, err := perturb.Prune(o.encoder, chosen)
	require.NoError(t, err)
	probe, err := o.prober(p.On)
	require.NoError(t, err)
	want, err := probe.of(context.Background(), enc)
	require.NoError(t, err)
	k := slices.IndexFunc(all, func(c pruned) bool { return c.Others && c.Share == 0.1 && !c.Total })
	assert.Equal(t, want, all[k].accuracies)
	assert.Positive(t, all[k].Common)
	assert.Less(t, all[k].Common, 1.0)
}

// Encoders of other data start from other weights than f, and from the same ones: the seeds of
// their recipes say so. A single pair also gets an encoder of another seed.
func TestReseeded(t *testing.T) {
	for _, pairs := range []int{1, 2, 3} {
		p, err := swaps.Plan(Setting{Scale: "tiny", Pairs: pairs, Seed: 1})
		require.NoError(t, err)
		for _, s := range p.Steps {
			if len(s.Needs()) != 4 {
				continue
			}
			var seeds, data []uint64
			for _, n := range s.Needs() {
				r, err := n.Params().(trainParams).Recipe.parse()
				require.NoError(t, err)
				seeds, data = append(seeds, r.TrainSeed(memorize.F)), append(data, r.Data.Synthetic.Seed)
			}
			assert.NotEqual(t, seeds[0], seeds[1])
			assert.Equal(t, []uint64{seeds[0], seeds[1], seeds[0], seeds[1]}, seeds)
			assert.Equal(t, []uint64{data[0], otherSeed, otherSeed, data[0]}, data)
			pairs--
		}
		assert.Zero(t, pairs, "one step for each pair")
	}
}
