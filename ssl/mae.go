package ssl

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// MAEConfig holds what a masked autoencoder adds to an encoder.
type MAEConfig struct {
	// MaskRatio is the share of the patches that are hidden, between 0 and 1; of T
	// patches floor(T*(1-MaskRatio)) stay visible, at least one, and not all.
	MaskRatio float64
	Decoder   nn.DecoderConfig
	// NormPix makes the targets the pixels of a patch less their mean, divided by
	// their standard deviation (He et al. 2022, section 4.1).
	NormPix bool
	// PixelVariance is the chance level without NormPix: the mean square
	// difference of the pixels, normalised as the views are, from the mean colour
	// of all images. 0 if it is not known.
	PixelVariance float64
}

// MAE is the masked autoencoder of He, Chen, Xie, Li, Dollár and Girshick,
// "Masked Autoencoders Are Scalable Vision Learners" (CVPR 2022, arXiv
// 2111.06377), section 3: the encoder sees a few patches of an image, a small
// decoder predicts the pixels of the others. An encoder trained like that takes
// whole images all the same.
type MAE struct {
	encoder nn.TokenEncoder
	decoder *nn.TokenDecoder
	cfg     MAEConfig
	masks   *masks
	// scale and zero turn a patch's layer norm into NormPix.
	scale, zero *tensor.Tensor
}

// normPixEps is added to the variance of a patch, as in facebookresearch/mae.
const normPixEps = 1e-6

// NewMAE puts a decoder, initialised from seed, behind the encoder, which must be
// a vision transformer (nn.TokenEncoder). The error names the field.
func NewMAE(encoder nn.Encoder, cfg MAEConfig, seed uint64) (*MAE, error) {
	enc, ok := encoder.(nn.TokenEncoder)
	if !ok {
		return nil, fmt.Errorf("encoder: found one without tokens, expected a vision transformer: mae hides patches")
	}
	g := enc.Grid()
	if g.Height%g.Side != 0 || g.Width%g.Side != 0 {
		return nil, fmt.Errorf("encoder: found patches of %d pixels on images of %dx%d, expected a side that divides both", g.Side, g.Height, g.Width)
	}
	if !(cfg.MaskRatio > 0 && cfg.MaskRatio < 1) {
		return nil, fmt.Errorf("mask_ratio: found %v, expected more than 0 and less than 1", cfg.MaskRatio)
	}
	visible := int(math.Floor(float64(g.Patches())*(1-cfg.MaskRatio) + 1e-9))
	if visible < 1 || visible == g.Patches() {
		return nil, fmt.Errorf("mask_ratio: found %v, by which %d of %d patches are visible: expected at least one, and not all", cfg.MaskRatio, visible, g.Patches())
	}
	decoder, err := nn.NewTokenDecoder(g, cfg.Decoder, seed)
	if err != nil {
		return nil, err
	}
	m := &MAE{encoder: enc, decoder: decoder, cfg: cfg, masks: newMasks(g.Patches(), visible)}
	size := g.Side * g.Side * g.Channels
	m.zero, m.scale = tensor.New(size), tensor.New(size)
	for i := range m.scale.Data() {
		m.scale.Data()[i] = float32(math.Sqrt(float64(size-1) / float64(size)))
	}
	return m, nil
}

// Name returns "mae".
func (m *MAE) Name() string { return "mae" }

// Views returns 1.
func (m *MAE) Views() int { return 1 }

// Encoder returns what is kept after training.
func (m *MAE) Encoder() nn.Encoder { return m.encoder }

// Params lists the encoder's parameters, then the decoder's.
func (m *MAE) Params() []*nn.Param {
	return append(append([]*nn.Param{}, m.encoder.Params()...), m.decoder.Params()...)
}

// Chance is the loss where every patch is predicted alike: with NormPix as zeros,
// (n-1)/n for patches of n numbers, whose standard deviation has n-1 below the
// line; without it PixelVariance.
func (m *MAE) Chance(int) float64 {
	if m.cfg.NormPix {
		n := float64(m.scale.Len())
		return (n - 1) / n
	}
	return m.cfg.PixelVariance
}

// Loss is the mean square error over the pixels of the hidden patches. Which
// those are depends on the context's noise and on the row of an image in the
// batch alone. What it shows as the projection is the mean of the encoded tokens of
// the visible patches, which the decoder reads: the class token alone may well be
// the same for all images without harm.
func (m *MAE) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	if len(views) != 1 {
		panic(fmt.Sprintf("ssl: MAE takes 1 view, got %d", len(views)))
	}
	m.masks.draw(c.Noise, views[0].Dim(0))
	loss, _ := m.reconstruct(c, views[0], m.masks)
	return loss
}

// reconstruct returns the loss and the predictions of the hidden patches,
// [N,hidden,Side*Side*Channels].
func (m *MAE) reconstruct(c *nn.Context, x *tensor.Tensor, k *masks) (loss, predictions *tensor.Tensor) {
	visible := m.encoder.Encode(c, c.Tape.GatherTokens(m.encoder.Embed(c, x), k.kept))
	if c.Listening(ProjectionTap) {
		c.Tap(ProjectionTap, c.Tape.MeanTokens(visible, 1))
	}
	predictions = m.decoder.Predict(c, visible, k.kept, k.hidden)
	target := c.Tape.GatherTokens(c.Tape.Patchify(x, m.encoder.Grid().Side), k.patches)
	if m.cfg.NormPix {
		target = m.normPix(c.Tape, target)
	}
	return c.Tape.MSE(predictions, target), predictions
}

// normPix is (x - mean) / sqrt(var + eps) of every patch. That var has n-1 below
// the line is made good by a factor: with the variance v of a layer norm, which
// has n, sqrt(v*n/(n-1) + eps) is sqrt(n/(n-1)) * sqrt(v + eps*(n-1)/n).
func (m *MAE) normPix(tp *tensor.Tape, patches *tensor.Tensor) *tensor.Tensor {
	n := float64(m.scale.Len())
	return tp.LayerNorm(patches, m.scale, m.zero, float32(normPixEps*(n-1)/n))
}
