package experiments

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
)

// Studies that change encoders, from their first steps to their reports. What no
// change leaves is what the probe of the encoder says.
func TestStudiesOfChangedEncoders(t *testing.T) {
	s := verySmall(t)
	st := graph.NewStore(t.TempDir())
	ctx := context.Background()
	for _, y := range []Study{swaps, normCosine, pruning, finetuning} {
		p, err := y.Plan(s)
		require.NoError(t, err, y.Name)
		require.NoError(t, st.Run(ctx, p.Steps, &counter{}), y.Name)
		d, err := p.Report(st)
		require.NoError(t, err, y.Name)
		require.NoError(t, d.Check(), y.Name)
		last := p.Steps[len(p.Steps)-1]
		switch y.Name {
		case "swaps":
			var all []swapped
			require.NoError(t, st.Result(last, &all))
			assert.Len(t, all, 1+8+28+56+8+8)
			r := (&lab{Setting: s, scale: &scales[0]}).recipe(1)
			probe, err := study.Probe(ctx, r, study.ProbeConfig{Path: st.Path(last.Needs()[0], "run", "f.safetensors"), Which: study.F}, study.Silent{})
			require.NoError(t, err)
			assert.Equal(t, probe.Accuracy, all[0].Own, "nothing was replaced")
			c, err := costsBy(all, map[string]float64{"conv2_0": -all[2].Own, "conv2_1": -all[3].Own, "conv2_2": -all[4].Own, "conv3": -all[5].Own}, 1)
			require.NoError(t, err)
			assert.InDelta(t, 1, c, 1e-12, "the losses rank as the losses")
		case "pruning":
			var all []pruned
			require.NoError(t, st.Result(last, &all))
			assert.Len(t, all, 1+3*(2+pruneTrials))
		}
	}
}
