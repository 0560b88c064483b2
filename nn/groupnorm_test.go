package nn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// With group norm every encoder has the taps of the one with batch norm, under
// the same names, no running statistics, and as many trained values.
func TestEncodersWithGroupNorm(t *testing.T) {
	for _, name := range nn.EncoderNames() {
		o := nn.EncoderOptions{Width: 0.125, InH: 16, InW: 21}
		batch := resNet(t, name, o)
		o.Norm = nn.NormGroup
		group := resNet(t, name, o)
		require.Len(t, group.Taps(), len(batch.Taps()), name)
		for i, tap := range batch.Taps() {
			if tap.Kind == nn.KindBN {
				tap.Kind = nn.KindGN
			}
			assert.Equal(t, tap, group.Taps()[i], name)
		}
		assert.Equal(t, nn.Count(batch.Params()), nn.Count(group.Params()), name)
		assert.Len(t, group.Params(), len(nn.Trained(batch.Params())), name)
	}
	_, err := nn.NewEncoder("resnet18", nn.EncoderOptions{Norm: "layer"}, 1)
	assert.EqualError(t, err, `encoder resnet18: norm: found "layer", expected auto, batch, group`)
}

// No image sees another: alone it has the features that it has in a batch, in
// training too.
func TestGroupNormKeepsImagesApart(t *testing.T) {
	e := engine(t, 2)
	for _, name := range []string{"resnet9", "resnet18"} {
		enc := resNet(t, name, nn.EncoderOptions{Width: 0.125, Norm: nn.NormGroup})
		x := testutil.Uniform("x", 3*32*32*3)
		features := func(x []float32) []float32 {
			tp := e.NewTape(tensor.Mode{Train: true})
			defer tp.Release()
			y := enc.Forward(&nn.Context{Tape: tp}, tensor.FromSlice(x, len(x)/(32*32*3), 32, 32, 3))
			return slices.Clone(y.Data())
		}
		all := features(x)
		for i := range 3 {
			one := features(x[i*32*32*3 : (i+1)*32*32*3])
			assert.Less(t, testutil.MaxError(one, all[i*enc.OutDim():(i+1)*enc.OutDim()]), 1e-6, "%s, image %d", name, i)
		}
	}
}

func TestListeningToGroupNormChangesNothing(t *testing.T) {
	e := engine(t, 2)
	for _, name := range []string{"resnet9", "resnet18"} {
		o := nn.EncoderOptions{Width: 0.125, Norm: nn.NormGroup}
		silent := step(t, e, resNet(t, name, o), nil)
		heard := step(t, e, resNet(t, name, o), nn.NewCapture())
		for what, v := range silent {
			assert.True(t, slices.Equal(v, heard[what]), "%s: listening changes %s", name, what)
		}
	}
}

func TestGroupNormLayer(t *testing.T) {
	l := nn.NewGroupNorm("gn", 6, 3)
	var names []string
	for _, p := range l.Params() {
		names = append(names, p.Name)
		assert.True(t, p.NoDecay)
	}
	assert.Equal(t, "gn.weight gn.bias", strings.Join(names, " "))
	_, err := l.Plan(&nn.Plan{}, []int{4, 4, 5})
	assert.EqualError(t, err, "layer gn: input of shape [4 4 5], expected [H,W,6]")
	assert.PanicsWithValue(t, "nn: group norm gn of 6 channels in 4 groups", func() { nn.NewGroupNorm("gn", 6, 4) })
}
