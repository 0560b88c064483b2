package ssl

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// What a step allocates, records of the tape and closures, must hardly grow with
// the batch, and nothing of it may stay: buffers belong to the arena, which must
// not grow from step to step either. One thread, as with more a worker may come
// to a task, and so to its own buffer for it, only after many steps.
func TestStepsKeepTheHeap(t *testing.T) {
	const few, steps = 32, 4
	resnet := nn.EncoderOptions{Width: .125}
	group := nn.EncoderOptions{Width: .125, Norm: nn.NormGroup}
	wider := nn.EncoderOptions{Width: .375} // enough channels for Winograd's way
	vit := nn.EncoderOptions{Width: .25, Depth: 3, DropPath: .2}
	bf16 := tensor.Options{Precision: tensor.BF16}
	for _, c := range []struct {
		name, encoder string
		options       nn.EncoderOptions
		engine        tensor.Options
	}{
		{"ResNet-9", "resnet9", resnet, tensor.Options{}},
		{"ResNet-9 bf16", "resnet9", resnet, bf16},
		{"ResNet-9 Winograd", "resnet9", wider, tensor.Options{Winograd: 4}},
		{"ResNet-18", "resnet18", resnet, tensor.Options{}},
		{"ResNet-18 group norm", "resnet18", group, tensor.Options{}},
		{"ResNet-18 bf16", "resnet18", resnet, bf16},
		{"ResNet-18 Winograd", "resnet18", wider, tensor.Options{Winograd: 4}},
		{"ViT", "vit_tiny_patch4", vit, tensor.Options{}},
		{"ViT bf16", "vit_tiny_patch4", vit, bf16},
	} {
		t.Run(c.name, func(t *testing.T) {
			many := 256
			if c.engine.Winograd != 0 {
				many = 64 // its networks are larger
			}
			small, loss := stepGarbage(t, c.encoder, c.options, c.engine, few, steps)
			large, _ := stepGarbage(t, c.encoder, c.options, c.engine, many, steps)
			t.Logf("%d and %d bytes a step", small, large)
			// Work that becomes several tasks takes a closure; a list of
			// numbers, one for each of the 448 more views, would be 1792 bytes.
			assert.Less(t, large-small, 1536, "bytes that a step allocates with batches of %d and of %d", few, many)
			if c.engine != (tensor.Options{}) {
				_, plain := stepGarbage(t, c.encoder, c.options, tensor.Options{}, few, steps)
				assert.NotEqual(t, plain, loss, "this is no other way of computing")
			}
		})
	}
}

// stepGarbage does steps of SimCLR after the first few, and returns the bytes
// that one allocates and the loss of the last. It fails the test if any stay.
func stepGarbage(t *testing.T, encoder string, o nn.EncoderOptions, engine tensor.Options, batch, steps int) (perStep int, loss float64) {
	engine.Threads = 1
	e, err := tensor.NewEngine(engine)
	require.NoError(t, err)
	defer e.Close()
	if e.EmulatesBF16() {
		t.Skip("these kernels emulate bf16 bit by bit, so the steps would take minutes")
	}
	o.InH, o.InW = 16, 16
	enc, err := nn.NewEncoder(encoder, o, 1)
	require.NoError(t, err)
	method, err := made[*SimCLR]("simclr", SimCLRConfig{Temperature: .5, Projector: []int{16, 8}, ProjectorBN: true}, Setup{Encoder: enc, Seed: 2})
	require.NoError(t, err)
	adam, err := optim.NewAdam(e, method.Params(), optim.AdamConfig{WeightDecay: 1e-4})
	require.NoError(t, err)
	var views []*tensor.Tensor
	for v := range 2 {
		views = append(views, tensor.FromSlice(testutil.NetImages(fmt.Sprint("heap", v), batch, 16, 16, 3), batch, 16, 16, 3))
	}
	tape, noise := e.NewTape(tensor.Training), &nn.Noise{Seed: 1}
	run := func(n int) {
		for range n {
			noise.Step++
			r, err := Step(StepConfig{Tape: tape, Method: method, Optimizer: adam, LR: 1e-3, Noise: noise, Steps: 1}, views)
			require.NoError(t, err)
			loss = r.Loss
		}
	}
	memory := func() (m runtime.MemStats) {
		runtime.GC()
		runtime.GC() // what the first one left to sweep
		runtime.ReadMemStats(&m)
		return m
	}
	run(3)
	held, _ := e.BufferBytes()
	// The least of a few rounds: what else goes on in the process may allocate.
	perStep = math.MaxInt
	left := math.MaxInt
	for range 3 {
		before := memory()
		run(steps)
		var after runtime.MemStats
		runtime.ReadMemStats(&after)
		perStep = min(perStep, int(after.TotalAlloc-before.TotalAlloc)/steps)
		after = memory()
		left = min(left, int(after.HeapAlloc)-int(before.HeapAlloc))
	}
	assert.Less(t, left, 8<<10, "bytes of heap that %d steps leave in use", steps)
	now, _ := e.BufferBytes()
	assert.Equal(t, held, now, "the arena grows")
	runtime.KeepAlive(views)
	return perStep, loss
}
