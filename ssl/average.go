package ssl

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// averagePrefix begins the names of an average of weights in a checkpoint.
const averagePrefix = "average."

// weightsAverage is an exponential moving average of an encoder's weights over the
// steps of a training, which does not change the training: another encoder, often a
// better one than the last (Polyak and Juditsky 1992 for the mean of all steps).
// Running statistics of batch norm are averaged too, so that they fit the weights.
type weightsAverage struct {
	params   []*nn.Param // of the encoder's names
	averages *tensor.Averages
	decay    float64
}

// newWeightsAverage begins an average where the encoder is.
func newWeightsAverage(encoder []*nn.Param, decay float64) *weightsAverage {
	a := &weightsAverage{params: nn.Clone(encoder), decay: decay}
	var avg, of []*tensor.Tensor
	for i, p := range encoder {
		avg, of = append(avg, a.params[i].Value), append(of, p.Value)
	}
	a.averages = tensor.NewAverages(avg, of)
	return a
}

// follow moves the average after a step, counted from 0. The share of it that stays
// is the decay d, but at the beginning less, so that the first weights are soon
// forgotten (as in TensorFlow's ExponentialMovingAverage with num_updates):
//
//	min(d, (1 + k)/(10 + k))    after k steps
func (a *weightsAverage) follow(e *tensor.Engine, step int) {
	k := float64(step + 1)
	e.Average(a.averages, min(a.decay, (1+k)/(10+k)))
}

// checkAverage checks what an average needs.
func checkAverage(c *TrainerConfig) error {
	switch {
	case !(c.WeightsEMA >= 0 && c.WeightsEMA < 1):
		return fmt.Errorf("weights_ema: found %v, expected 0 (none) or a share less than 1", c.WeightsEMA)
	case c.WeightsEMA > 0 && c.Encoder == nil:
		return fmt.Errorf("weights_ema: found %v, but Encoder is not set", c.WeightsEMA)
	}
	return nil
}

// Average returns the average of the encoder's weights with the encoder's names, nil
// without WeightsEMA. It is that of the whole training when Run has returned.
func (t *Trainer) Average() []*nn.Param {
	if t.average == nil {
		return nil
	}
	return t.average.params
}
