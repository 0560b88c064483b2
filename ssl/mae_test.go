package ssl

import (
	"maps"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

func TestMasks(t *testing.T) {
	const patches, visible, rows = 16, 4, 3000
	k := newMasks(patches, visible)
	k.draw(&nn.Noise{Seed: 1, Step: 5}, rows)
	count := make([]int, patches)
	kinds := map[[visible]int]int{}
	for row := range rows {
		require.Equal(t, 0, k.kept[row][0], "the class token stays")
		all := slices.Concat(k.kept[row], k.hidden[row])
		slices.Sort(all)
		require.Equal(t, upTo(0, patches+1), all, "every patch is visible or hidden, once")
		require.True(t, slices.IsSorted(k.kept[row]) && slices.IsSorted(k.hidden[row]))
		for i, p := range k.patches[row] {
			require.Equal(t, p+1, k.hidden[row][i])
		}
		for _, p := range k.kept[row][1:] {
			count[p-1]++
		}
		kinds[[visible]int(k.kept[row][1:])]++
	}
	// Each patch is visible in 750 rows, with a standard deviation of 24.
	for p, n := range count {
		assert.InDelta(t, rows*visible/patches, n, 120, "patch %d", p)
	}
	assert.Greater(t, len(kinds), 1200, "of 1820 sets; 1470 are expected")

	// A mask is a function of seed, step, pass and row, whatever the batch.
	mask := func(noise *nn.Noise, n, row int) []int {
		k := newMasks(patches, visible)
		k.draw(noise, n)
		return k.kept[row]
	}
	same := mask(&nn.Noise{Seed: 1, Step: 5}, 8, 6)
	assert.Equal(t, same, k.kept[6])
	k.draw(&nn.Noise{Seed: 1, Step: 6}, 8)
	assert.NotEqual(t, same, k.kept[6])
	k.draw(&nn.Noise{Seed: 1, Step: 5}, 8)
	assert.Equal(t, same, k.kept[6])
	for _, other := range []nn.Noise{{Seed: 2, Step: 5}, {Seed: 1, Step: 4}, {Seed: 1, Step: 5, Pass: 1}} {
		assert.NotEqual(t, same, mask(&other, 8, 6))
	}
	assert.NotEqual(t, same, k.kept[5])
}

// Pixels of hidden patches must not reach the encoder, and the loss must not look
// at visible ones.
func TestMAEHidesPatches(t *testing.T) {
	m := smallMAE(t)
	e := newEngine(t, 1)
	run := func(change func(px []float32)) (features, predictions []float32, loss float32) {
		x := images(4)
		change(x.Data())
		tp := e.NewTape(tensor.Training)
		defer tp.Release()
		seen := nn.NewCapture(ProjectionTap)
		m.masks.draw(&nn.Noise{Seed: 7}, 4)
		l, p := m.reconstruct(&nn.Context{Tape: tp, Taps: seen}, x, m.masks)
		return slices.Clone(seen.Outputs[ProjectionTap].Data()), slices.Clone(p.Data()), l.Item()
	}
	// One pixel of the patch in row 1 of image 2.
	spoil := func(patch int) func(px []float32) {
		return func(px []float32) { px[((2*16+patch/4*4+1)*16+patch%4*4+2)*3] += 3 }
	}
	features, predictions, loss := run(func([]float32) {})
	f, p, l := run(spoil(m.masks.patches[2][3]))
	assert.Equal(t, features, f)
	assert.Equal(t, predictions, p)
	assert.NotEqual(t, loss, l)
	f, p, _ = run(spoil(m.masks.kept[2][1] - 1))
	assert.NotEqual(t, features, f)
	size := len(p) / 4
	assert.NotEqual(t, predictions[2*size:3*size], p[2*size:3*size])
	assert.Equal(t, predictions[:2*size], p[:2*size], "images do not see each other")
}

// The trained encoder takes whole images, and shows all of its taps.
func TestMAEEncoderTakesWholeImages(t *testing.T) {
	m := smallMAE(t)
	e := newEngine(t, 1)
	adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{})
	require.NoError(t, err)
	_, err = oneStep(e.NewTape(tensor.Training), m, adam, images(4), 1e-3, &nn.Noise{})
	require.NoError(t, err)
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	all := nn.NewCapture()
	y := m.Encoder().Forward(&nn.Context{Tape: tp, Taps: all}, images(4))
	assert.Equal(t, []int{4, m.Encoder().OutDim()}, y.Shape())
	for _, tap := range m.Encoder().Taps() {
		require.NotNil(t, all.Outputs[tap.Name], tap.Name)
		assert.Equal(t, tap.Shape, all.Outputs[tap.Name].Shape()[1:], tap.Name)
	}
	enc := m.Encoder().(nn.TokenEncoder)
	c := &nn.Context{Tape: tp}
	assert.Equal(t, y.Data(), enc.Pool(c, enc.Encode(c, enc.Embed(c, images(4)))).Data(), "Forward in three parts")
}

func TestMAEChance(t *testing.T) {
	m := smallMAE(t)
	assert.InDelta(t, 47./48, m.Chance(8), 1e-12)
	e := newEngine(t, 1)
	for _, p := range m.decoder.Params() {
		if p.Name == "decoder_pred.weight" || p.Name == "decoder_pred.bias" {
			p.Value.CopyFrom(make([]float32, p.Value.Len()))
		}
	}
	tp := e.NewTape(tensor.Training)
	assert.InDelta(t, m.Chance(4), m.Loss(&nn.Context{Tape: tp}, []*tensor.Tensor{images(4)}).Item(), 1e-4, "predictions of 0")
	tp.Release()
	plain := MAEConfig{MaskRatio: .75, DecoderDepth: 1, DecoderDim: 12, DecoderHeads: 3}
	m, err := made[*MAE]("mae", plain, Setup{Encoder: vit(t), PixelVariance: func() float64 { return .25 }})
	require.NoError(t, err)
	assert.Equal(t, .25, m.Chance(8))
}

func TestNewMAEErrors(t *testing.T) {
	good := MAEConfig{MaskRatio: .75, DecoderDepth: 1, DecoderDim: 12, DecoderHeads: 3}
	with := func(change func(*MAEConfig)) MAEConfig {
		c := good
		change(&c)
		return c
	}
	for says, c := range map[string]MAEConfig{
		"mask_ratio: found 0,":                   with(func(c *MAEConfig) { c.MaskRatio = 0 }),
		"mask_ratio: found 1,":                   with(func(c *MAEConfig) { c.MaskRatio = 1 }),
		"by which 0 of 16 patches are visible":   with(func(c *MAEConfig) { c.MaskRatio = .95 }),
		"decoder_depth: found -1":                with(func(c *MAEConfig) { c.DecoderDepth = -1 }),
		"decoder_heads: found 0":                 with(func(c *MAEConfig) { c.DecoderHeads = 0 }),
		"decoder_dim: found 10, expected a mult": with(func(c *MAEConfig) { c.DecoderDim = 10 }),
		"decoder_dim: found 16, expected a mult": with(func(c *MAEConfig) { c.DecoderDim = 16 }),
	} {
		_, err := made[*MAE]("mae", c, Setup{Encoder: vit(t), Seed: 1})
		assert.ErrorContains(t, err, says)
	}
	resnet, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125}, 1)
	require.NoError(t, err)
	_, err = made[*MAE]("mae", good, Setup{Encoder: resnet, Seed: 1})
	assert.ErrorContains(t, err, "expected a vision transformer")
	odd, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Width: .125, Depth: 1, InH: 16, InW: 18}, 1)
	require.NoError(t, err)
	_, err = made[*MAE]("mae", good, Setup{Encoder: odd, Seed: 1})
	assert.ErrorContains(t, err, "patches of 4 pixels on images of 16x18")
}

// What a step allocates must not grow with the batch.
func TestMAEStepsDoNotAllocate(t *testing.T) {
	heap := map[int]uint64{}
	for _, batch := range []int{4, 32} {
		m, e := smallMAE(t), newEngine(t, 1)
		adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{})
		require.NoError(t, err)
		tape, x := e.NewTape(tensor.Training), images(batch)
		steps := func(n int) {
			for i := range n {
				_, err := oneStep(tape, m, adam, x, 1e-3, &nn.Noise{Step: uint64(i)})
				require.NoError(t, err)
			}
		}
		steps(3)
		held, _ := e.BufferBytes()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		steps(10)
		runtime.ReadMemStats(&after)
		now, _ := e.BufferBytes()
		assert.Equal(t, held, now, "the arena grows")
		heap[batch] = (after.TotalAlloc - before.TotalAlloc) / 10
	}
	assert.Less(t, slices.Max(slices.Collect(maps.Values(heap))), 2*slices.Min(slices.Collect(maps.Values(heap))), "bytes a step: %v", heap)
}

// images are n images of 16x16.
func images(n int) *tensor.Tensor {
	rows := randomRows("images", n, 16*16*3)
	t := tensor.New(n, 16, 16, 3)
	for i, r := range rows {
		for j, v := range r {
			t.Data()[i*len(r)+j] = float32(v)
		}
	}
	return t
}

func TestPixelVariance(t *testing.T) {
	p := newProblem(t, problemOptions{})
	d, indices := p.config.Dataset, []int{3, 9, 4}
	std := []float64{.5, .25, 1}
	want := 0.0
	for c := range 3 {
		var mean float64
		var v []float64
		for _, i := range indices {
			for k := c; k < 16*16*3; k += 3 {
				v = append(v, float64(d.Image(i)[k])/255/std[c])
			}
		}
		for _, x := range v {
			mean += x / float64(len(v))
		}
		for _, x := range v {
			want += (x - mean) * (x - mean) / float64(len(v)) / 3
		}
	}
	assert.InEpsilon(t, want, PixelVariance(d, indices, std), 1e-9)
	assert.Equal(t, PixelVariance(d, indices, []float64{1, 1, 1}), PixelVariance(d, indices, nil))
}
