package run

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/ssl"
)

// A whole private run spends what the recipe allows, says so in log, bar and summary,
// also when all of it was there already, and is the same side by side.
func TestPrivateRun(t *testing.T) {
	sets := []string{"encoder.name=vit_tiny_patch4", "method.name=mae", "method.decoder_depth=1", "method.decoder_dim=12",
		"train.optimizer=adamw",
		"train.private.epsilon=8", "score.taps=[pool]", "score.views=2"}
	dir := filepath.Join(t.TempDir(), "run")
	var said lines
	res, err := RunPair(context.Background(), tiny(t, sets...), dir, &said)
	require.NoError(t, err)
	for _, which := range memorize.Sides {
		p := res.Private[which]
		require.NotNil(t, p)
		assert.InDelta(t, 8, p.Epsilon, .01)
		assert.LessOrEqual(t, p.Epsilon, 8.)
		assert.Equal(t, 1e-5, p.Delta)
	}
	assert.Contains(t, said.said, "f trains privately: gradients of images shortened to 0.1, noise of")
	log, err := OpenLog(filepath.Join(dir, "log.jsonl"))
	require.NoError(t, err)
	records := log.Records(memorize.F)
	require.Len(t, records, 3)
	assert.Less(t, records[0].Private.Epsilon, records[1].Private.Epsilon)
	assert.Equal(t, res.Private[memorize.F], records[2].Private)
	assert.Regexp(t, `loss .* epsilon [78](\.\d+)? at delta 1e-05`, (&training{}).state(records[2]))

	again, err := RunPair(context.Background(), tiny(t, sets...), dir, Silent{})
	require.NoError(t, err)
	assert.Equal(t, res.Private, again.Private)
	assert.Contains(t, again.Reused, memorize.F.String())

	beside := filepath.Join(t.TempDir(), "run")
	_, err = RunPair(context.Background(), tiny(t, append(sets, "train.order=parallel", "train.threads=2")...),
		beside, Silent{})
	require.NoError(t, err)
	sameResults(t, dir, beside)
}

func TestPlainRunsSayNothingOfPrivacy(t *testing.T) {
	assert.NotContains(t, (&training{}).state(ssl.Record{}), "epsilon")
}
