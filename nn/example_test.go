package nn_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/tensor"
)

// An encoder of the registry, and what some of its layers put out for two images.
func ExampleNewEncoder() {
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: 0.25}, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(enc.Taps()), "taps,", nn.Count(enc.Params()), "parameters")

	engine, err := tensor.NewEngine(tensor.Options{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	tape := engine.NewTape(tensor.Inference)
	defer tape.Release()
	heard := nn.NewCapture("conv1", "relu4_2", "res4")
	features := enc.Forward(&nn.Context{Tape: tape, Taps: heard}, tensor.New(2, 32, 32, 3))
	for _, name := range heard.Order {
		fmt.Println(name, heard.Outputs[name].Shape())
	}
	fmt.Println("features", features.Shape())
	// Output:
	// 31 taps, 103584 parameters
	// conv1 [2 32 32 8]
	// relu4_2 [2 2 2 64]
	// res4 [2 2 2 64]
	// features [2 64]
}

// smallResNet is an encoder of our own: a stem, two residual blocks, a mean.
func smallResNet(seed uint64) nn.Layer {
	return nn.Sequential{
		nn.NewConv2D("conv1", nn.ConvConfig{In: 3, Out: 8, Kernel: 3, Pad: 1, NoBias: true}, seed),
		nn.NewNormReLU(nn.NewNorm("bn1", nn.NormBatch, 8), "relu1"),
		nn.NewBasicBlock("block1", nn.BlockConfig{In: 8, Out: 8}, seed),
		nn.NewBottleneck("block2", nn.BlockConfig{In: 8, Mid: 4, Out: 16, Stride: 2}, seed),
		&nn.GlobalPool{Name: "pool"},
	}
}

// An encoder of your own: its taps, a forward pass, a copy, its weights in a file, and
// the same weights on images of another size.
func ExampleNewNetwork() {
	enc, err := nn.NewNetwork(smallResNet, []int{16, 16, 3}, 1)
	if err != nil {
		log.Fatal(err)
	}
	for _, tap := range enc.Taps()[:5] {
		fmt.Println(tap.Depth, tap.Name, tap.Kind, tap.Shape, tap.Params)
	}
	fmt.Println("layers", nn.LayerNames(enc))

	engine, err := tensor.NewEngine(tensor.Options{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	tape := engine.NewTape(tensor.Inference)
	defer tape.Release()
	ctx := &nn.Context{Tape: tape}
	fmt.Println("features", enc.Forward(ctx, tensor.New(2, 16, 16, 3)).Shape())

	twin, err := nn.CloneEncoder(enc)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the copy is equal:", nn.Hash(twin.Params()) == nn.Hash(enc.Params()))

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "enc.safetensors")
	if err := weights.Save(file, enc.Params(), nil); err != nil {
		log.Fatal(err)
	}
	other, err := nn.Fresh(enc, 2)
	if err != nil {
		log.Fatal(err)
	}
	if err := weights.Load(file, other.Params()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the file holds it:", nn.Hash(other.Params()) == nn.Hash(enc.Params()))

	large, err := nn.ForImages(enc, 24, 40)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("features", large.Forward(ctx, tensor.New(2, 24, 40, 3)).Shape())
	// Output:
	// 1 conv1 conv [16 16 8] 216
	// 2 bn1 bn [16 16 8] 16
	// 3 relu1 relu [16 16 8] 0
	// 4 block1.conv1 conv [16 16 8] 576
	// 5 block1.bn1 bn [16 16 8] 16
	// layers [conv1 block1 block2]
	// features [2 16]
	// the copy is equal: true
	// the file holds it: true
	// features [2 16]
}

// An encoder of your own under a name, for NewEncoder and recipes
// (encoder.name: plain). In a program, call RegisterEncoder from an init function.
func ExampleRegisterEncoder() {
	nn.RegisterEncoder("plain", nn.Architecture{
		Pools: []string{"avg", "max"},
		Build: func(o nn.EncoderOptions, seed uint64) nn.Layer {
			width := o.Channels(32)
			return nn.Sequential{
				nn.NewConv2D("conv1", nn.ConvConfig{In: o.InC, Out: width, Kernel: 3, Stride: 2, Pad: 1}, seed),
				nn.NewBNReLU("bn1", "relu1", width),
				&nn.GlobalPool{Name: "pool", Max: o.Pool == "max"},
			}
		},
	})
	enc, err := nn.NewEncoder("plain", nn.EncoderOptions{Width: 0.5, Pool: "max"}, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enc.OutDim(), "features")
	_, err = nn.NewEncoder("plain", nn.EncoderOptions{Pool: "mean"}, 1)
	fmt.Println(err)
	// Output:
	// 16 features
	// encoder plain: pool: found "mean", expected auto, avg, max
}
