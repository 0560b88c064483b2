package run

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
)

// A whole run of each other method: training, its log, and scores of every tap on
// whole images.
func TestRunPairOfOtherMethods(t *testing.T) {
	for method, c := range map[string]struct {
		sets   []string
		chance float64
	}{
		"mae": {[]string{"method.decoder_depth=1", "method.decoder_dim=12", "method.norm_pix=true", "train.optimizer=adamw",
			"train.beta2=0.95", "train.weight_decay=0.05"}, 47. / 48},
		"supervised": {nil, math.Log(10)},
	} {
		t.Run(method, func(t *testing.T) {
			r := tiny(t, append(c.sets, "encoder.name=vit_tiny_patch4", "train.epochs=2", "method.name="+method,
				"score.units=false",
				"score.views=2", "score.distances=[l2]", "score.estimators=[paper]")...)
			dir := filepath.Join(t.TempDir(), "run")
			res, err := RunPair(context.Background(), r, dir, Silent{})
			require.NoError(t, err)
			lines := logLines(t, dir)
			require.Len(t, lines, 4)
			var losses []float64
			for _, line := range lines {
				var rec map[string]any
				require.NoError(t, json.Unmarshal([]byte(line), &rec))
				assert.InDelta(t, c.chance, rec["chance"], 1e-9)
				assert.Equal(t, false, rec["collapsed"])
				losses = append(losses, rec["loss"].(float64))
			}
			assert.Less(t, losses[1], losses[0])
			l, err := Open(r)
			require.NoError(t, err)
			enc, err := l.Encoder(memorize.F)
			require.NoError(t, err)
			assert.Len(t, res.Summary.Taps, len(enc.Taps()))
			_, err = LoadEncoder(filepath.Join(dir, "f.safetensors"), "", enc, Silent{})
			require.NoError(t, err, "the file holds the encoder alone")
			fresh, err := l.Encoder(memorize.F)
			require.NoError(t, err)
			assert.NotEqual(t, nn.Hash(fresh.Params()), nn.Hash(enc.Params()))
		})
	}
}

func TestChanceOfPlainPixels(t *testing.T) {
	r := tiny(t, "encoder.name=vit_tiny_patch4", "method.name=mae", "method.decoder_dim=12")
	l, err := Open(r)
	require.NoError(t, err)
	enc, err := l.Encoder(memorize.F)
	require.NoError(t, err)
	m, err := l.Method(enc, memorize.F)
	require.NoError(t, err)
	assert.Greater(t, m.Chance(8), .1)
	assert.Less(t, m.Chance(8), 20.)
}
