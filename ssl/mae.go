package ssl

import (
	"errors"
	"fmt"
	"math"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// MAE is the masked autoencoder of He, Chen, Xie, Li, Dollár and Girshick,
// "Masked Autoencoders Are Scalable Vision Learners" (CVPR 2022, arXiv
// 2111.06377), section 3: the encoder sees a few patches of an image, a small
// decoder predicts the pixels of the others. An encoder trained like that takes
// whole images all the same.
type MAE struct {
	encoder nn.TokenEncoder
	decoder *nn.TokenDecoder
	normPix bool
	chance  float64 // the loss where every patch is predicted alike; 0 if it is not known
	masks   *masks
	// scale and zero turn a patch's layer norm into NormPix.
	scale, zero *tensor.Tensor
}

// normPixEps is added to the variance of a patch, as in facebookresearch/mae.
const normPixEps = 1e-6

// MAEConfig holds the settings of MAE.
type MAEConfig struct {
	// Projector has no meaning. It counts in the hash of a recipe because it did so in
	// runs that there are.
	Projector []int `yaml:"projector" needs:"-"`
	// MaskRatio is the share of the patches that are hidden, between 0 and 1; of T
	// patches floor(T*(1-MaskRatio)) stay visible, at least one, and not all.
	MaskRatio float64 `yaml:"mask_ratio"`
	// The decoder: its blocks, the width of its tokens, and its attention heads.
	DecoderDepth int `yaml:"decoder_depth"`
	DecoderDim   int `yaml:"decoder_dim"`
	DecoderHeads int `yaml:"decoder_heads" needs:"decoder_depth!=0"`
	// NormPix makes the targets the pixels of a patch less their mean, divided by
	// their standard deviation (He et al. 2022, section 4.1).
	NormPix bool `yaml:"norm_pix"`
}

func init() {
	Register(Kind{
		Name: "mae", Source: "He et al. 2022",
		Summary: "the pixels of hidden patches; a vit that computes visible tokens only",
		Config: MAEConfig{Projector: []int{128, 64}, MaskRatio: 0.75,
			DecoderDepth: 2, DecoderDim: 96, DecoderHeads: 3},
		PerImage: true,
	})
}

// Masked implements Masker: three quarters of the patches.
func (c MAEConfig) Masked() Config {
	c.MaskRatio = 0.75
	return c
}

// Views implements Config: one.
func (c MAEConfig) Views(first, _ augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first}
}

// Validate implements Config. The encoder must be a vision transformer whose patches
// fill the images.
func (c MAEConfig) Validate(s Setup) error {
	var ratio, dim error
	if !(c.MaskRatio > 0 && c.MaskRatio < 1) {
		ratio = fmt.Errorf("mask_ratio: found %v, expected more than 0 and less than 1", c.MaskRatio)
	}
	if d, h := c.DecoderDim, c.DecoderHeads; d < 4 || d > maxWidth || d%4 != 0 || h > 0 && d%h != 0 {
		dim = fmt.Errorf("decoder_dim: found %d, expected a multiple of 4 and of the %d heads, at most %d", d, h, maxWidth)
	}
	errs := []error{ratio, within("decoder_depth", c.DecoderDepth, 0, 1000), within("decoder_heads", c.DecoderHeads, 1,
		maxWidth), dim}
	if s.Encoder != nil {
		errs = append(errs, c.validateEncoder(s.Encoder, ratio == nil))
	}
	return errors.Join(errs...)
}

// validateEncoder checks an encoder, and the number of its patches that are hidden
// where the ratio is one.
func (c MAEConfig) validateEncoder(encoder nn.Encoder, hidden bool) error {
	enc, ok := encoder.(nn.TokenEncoder)
	if !ok {
		return errors.New("encoder: found one without tokens, expected a vision transformer, such as vit_tiny_patch4: " +
			"mae hides patches")
	}
	g := enc.Grid()
	if g.Height%g.Side != 0 || g.Width%g.Side != 0 {
		return fmt.Errorf("encoder: found patches of %d pixels on images of %dx%d, expected a side that divides both",
			g.Side, g.Height, g.Width)
	}
	if v := c.visible(g); hidden && (v < 1 || v == g.Patches()) {
		return fmt.Errorf("mask_ratio: found %v, by which %d of %d patches are visible: expected at least one, and not all",
			c.MaskRatio, v, g.Patches())
	}
	return nil
}

// visible is the number of patches of an image that the encoder sees.
func (c MAEConfig) visible(g nn.Grid) int {
	return int(math.Floor(float64(g.Patches())*(1-c.MaskRatio) + 1e-9))
}

// New implements Config. The decoder is initialised from the seed.
func (c MAEConfig) New(s Setup) (Method, error) {
	enc := s.Encoder.(nn.TokenEncoder)
	g := enc.Grid()
	decoder, err := nn.NewTokenDecoder(g, nn.DecoderConfig{Depth: c.DecoderDepth, Dim: c.DecoderDim,
		Heads: c.DecoderHeads}, s.Seed)
	if err != nil {
		return nil, err
	}
	m := &MAE{encoder: enc, decoder: decoder, normPix: c.NormPix, masks: newMasks(g.Patches(), c.visible(g))}
	size := g.Side * g.Side * g.Channels
	m.zero, m.scale = tensor.New(size), tensor.New(size)
	for i := range m.scale.Data() {
		m.scale.Data()[i] = float32(math.Sqrt(float64(size-1) / float64(size)))
	}
	switch {
	case c.NormPix:
		n := float64(size)
		m.chance = (n - 1) / n
	case s.PixelVariance != nil:
		m.chance = s.PixelVariance()
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
// line; without it the pixels' variance (PixelVariance).
func (m *MAE) Chance(int) float64 { return m.chance }

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
	if m.normPix {
		target = m.normalize(c.Tape, target)
	}
	return c.Tape.MSE(predictions, target), predictions
}

// normalize is (x - mean) / sqrt(var + eps) of every patch. That var has n-1 below
// the line is made good by a factor: with the variance v of a layer norm, which
// has n, sqrt(v*n/(n-1) + eps) is sqrt(n/(n-1)) * sqrt(v + eps*(n-1)/n).
func (m *MAE) normalize(tp *tensor.Tape, patches *tensor.Tensor) *tensor.Tensor {
	n := float64(m.scale.Len())
	return tp.LayerNorm(patches, m.scale, m.zero, float32(normPixEps*(n-1)/n))
}
