package memorize

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
)

// Large encoders see fewer images at once, small ones as many as fit into the caches
// of the threads, at most as many as they are told.
func TestBatchFor(t *testing.T) {
	for name, want := range map[string]int{"resnet9": 250, "resnet18": 33, "vit_tiny_patch4": 24} {
		enc, err := nn.NewEncoder(name, nn.EncoderOptions{Width: map[bool]float64{true: 0.25, false: 1}[name == "resnet9"]},
			1)
		require.NoError(t, err)
		o := DefaultOptions()
		assert.Equal(t, want, o.BatchFor(enc, 16), name)
		assert.Equal(t, min(want, 40), o.BatchFor(enc, 1), name)
		o.Batch = 7
		assert.Equal(t, 7, o.BatchFor(enc, 8), name)
	}
}
