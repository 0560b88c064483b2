package ssl

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
)

// Every method trains a vision transformer with drop-path, the same bits on any
// number of threads.
func TestMethodsTrainVisionTransformers(t *testing.T) {
	for _, method := range Names() {
		t.Run(method, func(t *testing.T) {
			var results []result
			for threads := 1; threads <= 3; threads++ {
				p := newProblem(t, problemOptions{method: method, threads: threads, indices: upTo(0, 16), encoder: func() nn.Encoder {
					enc, err := nn.NewEncoder("vit_tiny_patch8", nn.EncoderOptions{Width: .05, InH: 16, InW: 16, Depth: 2, DropPath: .5}, 1)
					require.NoError(t, err)
					return enc
				}})
				before := nn.Hash(p.encoder.Params())
				require.NoError(t, p.run(t, context.Background()))
				require.NotEqual(t, before, nn.Hash(p.encoder.Params()))
				results = append(results, p.result())
			}
			assert.Equal(t, results[0], results[1])
			assert.Equal(t, results[0], results[2])
		})
	}
}
