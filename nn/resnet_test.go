package nn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func resNet(t *testing.T, name string, o nn.EncoderOptions) nn.Encoder {
	enc, err := nn.NewEncoder(name, o, 1)
	require.NoError(t, err)
	return enc
}

// The numbers of parameters are torchvision's without the classifier: with its
// 1000 classes 11,689,512, 21,797,672 and 25,557,032.
func TestResNetsHaveTorchvisionsSize(t *testing.T) {
	for name, want := range map[string][3]int{
		"resnet18": {11_689_512 - 513*1000, 512, 62 - 2}, "resnet34": {21_797_672 - 513*1000, 512, 110 - 2},
		"resnet50": {25_557_032 - 2049*1000, 2048, 161 - 2},
	} {
		enc := resNet(t, name, nn.EncoderOptions{Stem: nn.StemImageNet})
		params := enc.Params()
		assert.Equal(t, want[0], nn.Count(params), name)
		assert.Equal(t, want[1], enc.OutDim(), name)
		assert.Len(t, nn.Trained(params), want[2], name)
		sum := 0
		for _, tap := range enc.Taps() {
			sum += tap.Params
		}
		assert.Equal(t, want[0], sum, "%s: every parameter belongs to a tap", name)
	}
	// The 7x7 stem has 3*64*40 more weights than the 3x3 one.
	assert.Equal(t, 11_689_512-513*1000-3*64*40, nn.Count(resNet(t, "resnet18", nn.EncoderOptions{}).Params()))
}

func TestResNetTaps(t *testing.T) {
	list := func(enc nn.Encoder, first, n int) string {
		var b strings.Builder
		for _, tap := range enc.Taps()[first : first+n] {
			fmt.Fprintf(&b, "%s %s %v %d\n", tap.Name, tap.Kind, tap.Shape, tap.Params)
		}
		return b.String()
	}
	imagenet := resNet(t, "resnet18", nn.EncoderOptions{InH: 224, InW: 224})
	assert.Equal(t, `conv1 conv [112 112 64] 9408
bn1 bn [112 112 64] 128
relu relu [112 112 64] 0
maxpool pool [56 56 64] 0
layer1.0.conv1 conv [56 56 64] 36864
layer1.0.bn1 bn [56 56 64] 128
layer1.0.relu1 relu [56 56 64] 0
layer1.0.conv2 conv [56 56 64] 36864
layer1.0.bn2 bn [56 56 64] 128
layer1.0.add add [56 56 64] 0
layer1.0 block [56 56 64] 0
`, list(imagenet, 0, 11))
	cifar := resNet(t, "resnet50", nn.EncoderOptions{})
	assert.Equal(t, `conv1 conv [32 32 64] 1728
bn1 bn [32 32 64] 128
relu relu [32 32 64] 0
layer1.0.conv1 conv [32 32 64] 4096
layer1.0.bn1 bn [32 32 64] 128
layer1.0.relu1 relu [32 32 64] 0
layer1.0.conv2 conv [32 32 64] 36864
layer1.0.bn2 bn [32 32 64] 128
layer1.0.relu2 relu [32 32 64] 0
layer1.0.conv3 conv [32 32 256] 16384
layer1.0.bn3 bn [32 32 256] 512
layer1.0.downsample.0 conv [32 32 256] 16384
layer1.0.downsample.1 bn [32 32 256] 512
layer1.0.add add [32 32 256] 0
layer1.0 block [32 32 256] 0
`, list(cifar, 0, 15))
	for name, want := range map[string]struct {
		o    nn.EncoderOptions
		head string
	}{
		"resnet18": {nn.EncoderOptions{Width: 0.125}, "layer4.1 block [4 4 64] 0\navgpool pool [64] 0\n"},
		// ImageNet's stem
		"resnet34": {nn.EncoderOptions{Width: 0.125, InH: 65, InW: 20}, "layer4.2 block [3 1 64] 0\navgpool pool [64] 0\n"},
		"resnet50": {nn.EncoderOptions{Width: 0.125, Pool: "max"}, "layer4.2 block [4 4 256] 0\nglobalmax pool [256] 0\n"},
	} {
		enc := resNet(t, name, want.o)
		assert.Equal(t, want.head, list(enc, len(enc.Taps())-2, 2), name)
	}
}

func TestResNetsRefuse(t *testing.T) {
	_, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Stem: nn.StemCIFAR}, 1)
	assert.EqualError(t, err, `encoder resnet9: stem: found "cifar", expected auto`)
	_, err = nn.NewEncoder("resnet18", nn.EncoderOptions{Stem: "svhn"}, 1)
	assert.EqualError(t, err, `encoder resnet18: stem: found "svhn", expected auto, cifar, imagenet`)
	// One pixel is enough: padding carries it through.
	for _, stem := range nn.Stems("resnet50") {
		enc := resNet(t, "resnet50", nn.EncoderOptions{InH: 1, InW: 1, InC: 1, Stem: stem, Width: 0.01})
		assert.Equal(t, 20, enc.OutDim())
	}
}

// Whoever listens to whatever part of a block changes no bit of the results.
func TestListeningToResNetsChangesNothing(t *testing.T) {
	e := engine(t, 2)
	for _, name := range []string{"resnet18", "resnet50"} {
		o := nn.EncoderOptions{Width: 0.125, Stem: nn.StemImageNet}
		silent := step(t, e, resNet(t, name, o), nil)
		for _, names := range [][]string{nil, {"layer2.0"}, {"layer1.1.add"}, {"layer2.0.bn2", "layer3.0.downsample.1"},
			{"relu", "maxpool"}} {
			taps := nn.NewCapture(names...)
			heard := step(t, e, resNet(t, name, o), taps)
			for what, v := range silent {
				assert.True(t, slices.Equal(v, heard[what]), "%s: listening to %v changes %s", name, names, what)
			}
			if names != nil {
				assert.ElementsMatch(t, names, taps.Order)
			}
		}
	}
}

// What a listener hears of the fused end of a block is what the layers one by one
// would give.
func TestResNetTapsFitTogether(t *testing.T) {
	e := engine(t, 1)
	tp := e.NewTape(tensor.Mode{Train: true})
	defer tp.Release()
	taps := nn.NewCapture()
	x := tensor.FromSlice(testutil.Uniform("x", 2*32*32*3), 2, 32, 32, 3)
	resNet(t, "resnet18", nn.EncoderOptions{Width: 0.125}).Forward(&nn.Context{Tape: tp, Taps: taps}, x)
	of := func(name string) []float32 { return taps.Outputs[name].Data() }
	for block, shortcut := range map[string]string{"layer1.0": "relu", "layer1.1": "layer1.0",
		"layer2.0": "layer2.0.downsample.1"} {
		shut := 0
		for i, v := range of(block) {
			sum := of(block + ".bn2")[i] + of(shortcut)[i]
			require.Equal(t, sum, of(block + ".add")[i], block)
			require.Equal(t, max(sum, 0), v, block)
			if v == 0 {
				shut++
			}
		}
		assert.NotZero(t, shut, block)
	}
}

// Every tap that a table of the paper names is one of its network.
func TestTapGroups(t *testing.T) {
	without := []string{"fc", "softmax", "FC"} // rows of the classifier
	sizes := map[string]int{"T1": 10, "T10": 48, "T15": 2 + 16 + 3, "T16": 2 + 32 + 3, "T17": 2 + 48 + 3, "T18": 16 + 4 +
		2 + 2}
	for _, g := range nn.TapGroups() {
		assert.Len(t, g.Rows, sizes[g.Name], g.Name)
		depth := map[string]int{}
		for _, tap := range resNet(t, g.Encoder, nn.EncoderOptions{Stem: g.Stem, Width: 0.01}).Taps() {
			depth[tap.Name] = tap.Depth
		}
		last, seen := 0, map[string]bool{}
		for _, r := range g.Rows {
			assert.False(t, seen[r.Label], "%s: %s twice", g.Name, r.Label)
			seen[r.Label] = true
			assert.Equal(t, slices.Contains(without, r.Label), r.Tap == "", "%s: %s", g.Name, r.Label)
			if r.Tap != "" {
				assert.Greater(t, depth[r.Tap], last, "%s: %s (%s) is not a tap, or not behind the row before", g.Name, r.Label,
					r.Tap)
				last = depth[r.Tap]
			}
		}
	}
	g, err := nn.FindTapGroup("t17")
	require.NoError(t, err)
	assert.Equal(t, nn.GroupRow{Label: "conv4-18", Tap: "layer3.5.conv3"}, g.Rows[2+9+12+17])
	_, err = nn.FindTapGroup("T9")
	assert.EqualError(t, err,
		`group: found "T9", expected one of: T1 (resnet9), T10 (vit_tiny_patch4), T15 (resnet18), T16 (resnet34), T17 `+
			`(resnet50), T18 (resnet9)`)
}
