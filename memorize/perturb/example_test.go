package perturb_test

import (
	"fmt"
	"log"

	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/nn"
)

// A layer of one encoder in the place of another's. The encoders are of any layers,
// such as those of your own.
func ExampleSwap() {
	build := func(seed uint64) nn.Layer {
		return nn.Sequential{
			nn.NewConv2D("conv1", nn.ConvConfig{In: 3, Out: 8, Kernel: 3, Pad: 1}, seed),
			nn.NewBNReLU("bn1", "relu1", 8),
			nn.NewBasicBlock("block1", nn.BlockConfig{In: 8, Out: 16, Stride: 2}, seed),
			&nn.GlobalPool{Name: "pool"},
		}
	}
	encoders := make([]nn.Encoder, 2)
	for i := range encoders {
		enc, err := nn.NewNetwork(build, []int{16, 16, 3}, uint64(i+1))
		if err != nil {
			log.Fatal(err)
		}
		encoders[i] = enc
	}
	f, g := encoders[0], encoders[1]
	swapped, err := perturb.Swap(f, g, []string{"block1"})
	if err != nil {
		log.Fatal(err)
	}
	for _, layer := range nn.LayerNames(swapped) {
		hash := func(enc nn.Encoder) string {
			params, err := nn.LayerParams(enc, []string{layer})
			if err != nil {
				log.Fatal(err)
			}
			return nn.Hash(params)
		}
		fmt.Println(layer, "of f:", hash(swapped) == hash(f), "of g:", hash(swapped) == hash(g))
	}
	// Output:
	// conv1 of f: true of g: false
	// block1 of f: false of g: true
}
