package nn_test

import (
	"math"
	"testing"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCloneSharesNothing(t *testing.T) {
	a := encoder(t, nn.EncoderOptions{Width: 0.1}, 1).Params()
	b := nn.Clone(a)
	require.Equal(t, nn.Hash(a), nn.Hash(b))
	for i, p := range b {
		assert.Equal(t, [3]any{a[i].Name, a[i].Buffer, a[i].NoDecay}, [3]any{p.Name, p.Buffer, p.NoDecay})
		p.Value.Data()[0]++
	}
	assert.NotEqual(t, nn.Hash(a), nn.Hash(b))
	assert.Equal(t, nn.Hash(a), nn.Hash(encoder(t, nn.EncoderOptions{Width: 0.1}, 1).Params()))
}

func TestCopy(t *testing.T) {
	a := encoder(t, nn.EncoderOptions{Width: 0.1}, 1).Params()
	b := encoder(t, nn.EncoderOptions{Width: 0.1}, 2).Params()
	a[5].Value.Data()[0] = 7 // a buffer
	require.NoError(t, nn.Copy(b, a))
	assert.Equal(t, nn.Hash(a), nn.Hash(b))
}

func TestSetStateListsEveryDifference(t *testing.T) {
	p := func(name string, shape ...int) *nn.Param { return &nn.Param{Name: name, Value: tensor.New(shape...)} }
	dst := []*nn.Param{p("a", 2), p("b", 2), p("c", 2, 3)}
	before := nn.Hash(dst)
	one := tensor.FromSlice([]float32{1, 1}, 2)
	err := nn.SetState(dst, []nn.NamedTensor{{"a", one}, {"c", tensor.New(3, 2)}, {"d", one}, {"a", one}})
	require.Error(t, err)
	for _, want := range []string{"a is given twice", "b is missing", "c has shape [3 2], expected [2 3]",
		"d is unknown"} {
		assert.ErrorContains(t, err, want)
	}
	assert.Equal(t, before, nn.Hash(dst), "nothing may change on an error")
}

// One bit, one name, one shape: each gives another hash; the order does not.
func TestHashSeesEverything(t *testing.T) {
	make := func(name string, bits uint32, shape ...int) []*nn.Param {
		v := tensor.FromSlice([]float32{1, math.Float32frombits(bits), 3, 4}, shape...)
		return []*nn.Param{{Name: name, Value: v}, {Name: "z", Value: tensor.New(1), Buffer: true}}
	}
	base := make("a", 0, 2, 2)
	seen := map[string]bool{nn.Hash(base): true}
	for _, other := range [][]*nn.Param{make("b", 0, 2, 2), make("a", 1, 2, 2), make("a", 1<<31, 2, 2), make("a", 0, 4),
		base[:1]} {
		h := nn.Hash(other)
		assert.False(t, seen[h])
		assert.Len(t, h, 64)
		seen[h] = true
	}
	assert.Equal(t, nn.Hash(base), nn.Hash([]*nn.Param{base[1], base[0]}))
	assert.Equal(t, 4, nn.Count(base), "buffers do not count")
}
