package probe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// problem is an encoder with images that it can be evaluated on.
type problem struct {
	engine  *tensor.Engine
	encoder nn.Encoder
	images  data.Dataset
	augment *augment.Augmenter
}

// newProblem is a narrow ResNet-9 and 64 small synthetic images of 10 classes.
func newProblem(t testing.TB, threads int) *problem {
	set, err := data.NewSynthetic(data.SyntheticOptions{N: 64, Classes: 10, Size: 16, AtypicalShare: .1, Seed: 1})
	require.NoError(t, err)
	a, err := augment.New(augment.SimCLR(), 16, 16, 3)
	require.NoError(t, err)
	return &problem{newEngine(t, threads), tinyEncoder(t), set, a}
}

func newEngine(t testing.TB, threads int) *tensor.Engine {
	e, err := tensor.NewEngine(tensor.Options{Threads: threads})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

func tinyEncoder(t testing.TB) nn.Encoder {
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, InH: 16, InW: 16}, 1)
	require.NoError(t, err)
	return enc
}

// vit is a narrow vision transformer that drops paths.
func vit(t testing.TB) nn.Encoder {
	enc, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Width: .125, Depth: 2, DropPath: .3, InH: 16, InW: 16}, 1)
	require.NoError(t, err)
	return enc
}

// relabelled gives the images of a data set other classes.
type relabelled struct {
	data.Dataset
	classes []string
	label   func(i int) int
}

func (r relabelled) Classes() []string { return r.classes }
func (r relabelled) Label(i int) int   { return r.label(i) }

// randomRows returns n rows of d normal numbers that a float32 can hold.
func randomRows(name string, n, d int) [][]float64 {
	r := rng.New(1, name, uint64(n), uint64(d))
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, d)
		for j := range rows[i] {
			rows[i][j] = float64(float32(r.NormFloat64()))
		}
	}
	return rows
}

func toTensor(rows [][]float64) *tensor.Tensor {
	var flat []float32
	for _, r := range rows {
		for _, v := range r {
			flat = append(flat, float32(v))
		}
	}
	return tensor.FromSlice(flat, len(rows), len(rows[0]))
}
