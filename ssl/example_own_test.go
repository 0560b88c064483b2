package ssl_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// A method of your own is one file like this one. Spread pulls the projections of two
// views together while every output must vary over the batch.
type Spread struct {
	encoder   nn.Encoder
	projector nn.Module
	margin    float32
}

// SpreadConfig holds its settings. In a recipe they stand next to method.name.
type SpreadConfig struct {
	Projector []int   `yaml:"projector"` // widths of the layers behind the encoder
	Margin    float64 `yaml:"margin"`    // the standard deviation that every output must have
}

var _ = ssl.Register(ssl.Kind{
	Name: "spread", Summary: "views close, outputs that vary",
	Config:     SpreadConfig{Projector: []int{16, 8}, Margin: 1}, // the defaults
	WholeBatch: true,                                             // deviations over a part of a batch would be other ones
	Collapse:   "too small a method.margin",
})

// Validate says what is wrong with the settings.
func (c SpreadConfig) Validate(ssl.Setup) error {
	var errs []error
	if len(c.Projector) == 0 {
		errs = append(errs, errors.New("projector: found no layer, expected at least one width"))
	}
	if !(c.Margin > 0) {
		errs = append(errs, fmt.Errorf("margin: found %v, expected more than 0", c.Margin))
	}
	return errors.Join(errs...)
}

// Views says that the loss takes a first and a second view.
func (c SpreadConfig) Views(first, second augment.Config, _ ssl.Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New puts a projector behind the encoder.
func (c SpreadConfig) New(s ssl.Setup) (ssl.Method, error) {
	widths := append([]int{s.Encoder.OutDim()}, c.Projector...)
	projector := nn.NewHead("projector", widths, nn.HeadOptions{BN: true}, s.Seed)
	return &Spread{s.Encoder, projector, float32(c.Margin)}, nil
}

func (m *Spread) Name() string { return "spread" }

func (m *Spread) Views() int { return 2 }

func (m *Spread) Params() []*nn.Param {
	return append(append([]*nn.Param{}, m.encoder.Params()...), m.projector.Params()...)
}

// Chance is the loss where all projections coincide.
func (m *Spread) Chance(int) float64 { return float64(m.margin) }

// Loss takes views [N,H,W,C] and shows the trainer the projections [2N,D].
func (m *Spread) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	tp, n := c.Tape, views[0].Dim(0)
	z := m.projector.Forward(c, m.encoder.Forward(c, tp.Concat(views...)))
	c.Tap(ssl.ProjectionTap, z)
	var first, second []int
	for i := range n {
		first, second = append(first, i), append(second, n+i)
	}
	apart := tp.SquaredDistance(tp.Gather(z, first), tp.Gather(z, second))
	centred := tp.Center(z)
	covariance := tp.Scale(tp.MatMul(centred, centred, true, false), 1/float32(2*n-1))
	return tp.Add(apart, tp.StdHinge(covariance, m.margin, 1e-4))
}

// A method of your own: after its registration a recipe can name it, with its fields,
// and everything that takes a recipe takes it.
func Example_yourOwnMethod() {
	r, err := recipe.Read("mine.yaml", []byte("method: {name: spread, margin: 0.5}"), []string{"encoder.width=0.125"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", r.Method.Config)

	images, err := data.NewSynthetic(data.SyntheticOptions{N: 64, Classes: 10, Size: 16, Seed: r.Seed})
	if err != nil {
		log.Fatal(err)
	}
	losses, err := train(images, r.Method.Name, r.Method.Config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the loss fell:", losses[len(losses)-1] < losses[0])
	// Output:
	// {Projector:[16 8] Margin:0.5}
	// the loss fell: true
}

// train trains a small encoder for 4 epochs and returns their losses.
func train(images data.Dataset, method string, settings ssl.Config) (losses []float64, err error) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	h, w, c := images.Shape()
	encoder, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: 0.125, InH: h, InW: w, InC: c}, 1)
	if err != nil {
		return nil, err
	}
	m, err := ssl.New(method, settings, ssl.Setup{Encoder: encoder, Seed: 1})
	if err != nil {
		return nil, err
	}
	adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{})
	if err != nil {
		return nil, err
	}
	views, err := augment.New(augment.SimCLR(), h, w, c)
	if err != nil {
		return nil, err
	}
	all := make([]int, images.Len())
	for i := range all {
		all[i] = i
	}
	trainer, err := ssl.NewTrainer(ssl.TrainerConfig{
		Name: "f", Engine: e, Method: m, Optimizer: adam, Schedule: optim.Constant(0.002),
		Dataset: images, Indices: all, Augment: views, Batch: 16, Epochs: 4, Seed: 1,
		Hooks: ssl.Hooks{OnEpoch: func(r ssl.Record) error {
			losses = append(losses, r.Loss)
			return nil
		}},
	})
	if err != nil {
		return nil, err
	}
	return losses, trainer.Run(context.Background())
}
