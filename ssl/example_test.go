package ssl_test

import (
	"context"
	"fmt"
	"log"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// SimCLR on 64 images that are made in code: an encoder learns to tell the views of an
// image from those of all others.
func Example() {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	images, err := data.NewSynthetic(data.SyntheticOptions{N: 64, Classes: 10, Size: 16, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	encoder, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: 0.125, InH: 16, InW: 16}, 1)
	if err != nil {
		log.Fatal(err)
	}
	method, err := ssl.New("simclr", ssl.SimCLRConfig{Temperature: 0.5, Projector: []int{32, 16}},
		ssl.Setup{Encoder: encoder, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	adam, err := optim.NewAdam(e, method.Params(), optim.AdamConfig{})
	if err != nil {
		log.Fatal(err)
	}
	views, err := augment.New(augment.SimCLR(), 16, 16, 3)
	if err != nil {
		log.Fatal(err)
	}
	all := make([]int, images.Len())
	for i := range all {
		all[i] = i
	}
	var last ssl.Record
	trainer, err := ssl.NewTrainer(ssl.TrainerConfig{
		Name: "f", Engine: e, Method: method, Optimizer: adam, Schedule: optim.Constant(0.002),
		Dataset: images, Indices: all, Augment: views, Batch: 32, Epochs: 3, Seed: 1,
		Hooks: ssl.Hooks{OnEpoch: func(r ssl.Record) error {
			last = r
			return nil
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := trainer.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("epoch %d, chance level %.2f\n", last.Epoch, last.Chance)
	fmt.Println("below chance:", last.Loss < last.Chance, "collapsed:", last.Collapsed)
	// Output:
	// epoch 3, chance level 4.14
	// below chance: true collapsed: false
}
