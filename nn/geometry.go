package nn

import (
	"fmt"
	"slices"
	"strings"
)

// Geometry holds facts of a network that its weights do not tell: with others the
// same file loads and gives other features. Zero values mean what is usual here.
type Geometry struct {
	// StemPad, StemStride and StemPool are about the first layers of resnet18, 34
	// and 50: padding and stride of conv1, of StemCIFAR 1 and 1, of StemImageNet 3
	// and 2, if nil and 0; and whether the 3x3 max pool of stride 2 follows
	// (StemPoolMax), or not (StemPoolNone), or "auto": behind StemImageNet only.
	StemPad    *int
	StemStride int
	StemPool   string
	// NormEps is added to variances in all norms of the encoder: at most 1; 0 means
	// 1e-5 for batch and group norm and 1e-6 for layer norm.
	NormEps float64
	// Heads is the number of attention heads of a vision transformer; it must divide
	// the width of a token.
	Heads int
	// FCNorm puts the final norm of a vision transformer behind the pool, under the
	// name fc_norm, as timm and MAE's fine-tuning do for the mean.
	FCNorm bool
	// LayerScale gives the branches of a vision transformer's blocks factors for each
	// channel that begin with it (ls1.gamma, ls2.gamma); 0: none.
	LayerScale float64
	// Registers is the number of tokens without positions behind the class token.
	Registers int
	// PositionsSize is the side in pixels of the square images that a vision
	// transformer's positions are for; the images' patches get theirs from them by
	// ResizePositions. 0: those of the images.
	PositionsSize int
}

// What follows the first convolution of resnet18, 34 and 50.
const (
	StemPoolMax  = "max"
	StemPoolNone = "none"
)

// maxRegisters is more than any published network has.
const maxRegisters = 1024

// stemPool is ImageNet's.
var stemPool = PoolConfig{Max: true, Kernel: 3, Stride: 2, Pad: 1}

// checkGeometry checks the ranges, and that nothing is asked for that the encoder
// does not have.
func (e *encoder) checkGeometry(o *EncoderOptions) error {
	g := &o.Geometry
	if !(g.NormEps >= 0 && g.NormEps <= 1) {
		return fmt.Errorf("norm eps: found %v, expected 0 (the usual) to 1", g.NormEps)
	}
	if g.StemPool == "" {
		g.StemPool = "auto"
	}
	if e.stems == nil && (g.StemPad != nil || g.StemStride != 0 || g.StemPool != "auto") {
		return fmt.Errorf("stem padding, stride and pool: found other ones than the usual, expected none: %s has a stem of its own", e.name)
	}
	if p := g.StemPad; p != nil && (*p < 0 || *p > 16) {
		return fmt.Errorf("stem padding: found %d, expected 0 to 16", *p)
	}
	if g.StemStride < 0 || g.StemStride > 16 {
		return fmt.Errorf("stem stride: found %d, expected 1 to 16, or 0 for the usual", g.StemStride)
	}
	if all := []string{"auto", StemPoolMax, StemPoolNone}; !slices.Contains(all, g.StemPool) {
		return fmt.Errorf("stem pool: found %q, expected %s", g.StemPool, strings.Join(all, ", "))
	}
	if g.PositionsSize < 0 || g.PositionsSize > 4096 || g.PositionsSize > 0 && g.PositionsSize < e.patch {
		return fmt.Errorf("positions size: found %d, expected the patch's %d to 4096 pixels, or 0 for the images'", g.PositionsSize, e.patch)
	}
	if e.patch == 0 && (g.PositionsSize != 0 || g.Heads != 0 || g.FCNorm || g.LayerScale != 0 || g.Registers != 0) {
		return fmt.Errorf("heads, fc_norm, layer scale, registers and positions size: found some, expected none: %s is no vision transformer", e.name)
	}
	if g.Heads < 0 || e.heads > 0 && g.Heads > 0 && (e.heads*o.channels(e.dim/e.heads))%g.Heads != 0 {
		return fmt.Errorf("heads: found %d, expected a divisor of %d, the width of a token", g.Heads,
			e.heads*o.channels(e.dim/max(1, e.heads)))
	}
	if !(g.LayerScale >= 0 && g.LayerScale <= 100) {
		return fmt.Errorf("layer scale: found %v, expected 0 (none) to 100", g.LayerScale)
	}
	if g.Registers < 0 || g.Registers > maxRegisters {
		return fmt.Errorf("registers: found %d, expected 0 to %d", g.Registers, maxRegisters)
	}
	return nil
}

// stem returns the first convolution of a ResNet but for its channels, and whether
// a pool follows it.
func (o EncoderOptions) stem() (conv ConvConfig, pool bool) {
	conv = ConvConfig{Kernel: 3, Stride: 1, Pad: 1}
	if o.Stem == StemImageNet {
		conv = ConvConfig{Kernel: 7, Stride: 2, Pad: 3}
	}
	if o.StemPad != nil {
		conv.Pad = *o.StemPad
	}
	if o.StemStride > 0 {
		conv.Stride = o.StemStride
	}
	return conv, o.StemPool == StemPoolMax || o.StemPool != StemPoolNone && o.Stem == StemImageNet
}

// normEps returns the eps of the norms, usual where no other one is asked for.
func (o EncoderOptions) normEps(usual float32) float32 {
	if o.NormEps > 0 {
		return float32(o.NormEps)
	}
	return usual
}

// Resolve returns the options of an encoder with "auto" and zeros replaced by what
// they mean for it, where it has a choice. It fails where NewEncoder does for them.
func Resolve(name string, o EncoderOptions) (EncoderOptions, error) {
	e := named(name)
	if e.name == "" {
		return o, fmt.Errorf("encoder: found %q, expected one of: %s", name, strings.Join(EncoderNames(), ", "))
	}
	o, err := e.check(o)
	if err != nil {
		return o, fmt.Errorf("encoder %s: %w", name, err)
	}
	for _, c := range []struct {
		value *string
		known []string
	}{{&o.Pool, e.pools}, {&o.Stem, e.stems}, {&o.Norm, e.norms}, {&o.Positions, e.positions}} {
		if c.known == nil {
			*c.value = "auto"
		}
	}
	switch conv, pool := o.stem(); {
	case e.patch > 0:
		o.NormEps = or(o.NormEps, vitEps)
		o.Heads = or(o.Heads, e.heads)
	case e.stems == nil:
		o.NormEps = or(o.NormEps, groupNormEps)
	default:
		o.NormEps = or(o.NormEps, groupNormEps)
		o.StemPad, o.StemStride, o.StemPool = &conv.Pad, conv.Stride, StemPoolNone
		if pool {
			o.StemPool = StemPoolMax
		}
	}
	return o, nil
}

// or returns v, or usual if it is 0.
func or[T int | float64](v, usual T) T {
	if v == 0 {
		return usual
	}
	return v
}

// Assumed says what has to be true of a network beside the names and shapes of its
// weights for it to be this encoder, in a line such as "conv1 3x3 stride 1 padding 1,
// no pool; batch norm eps 1e-05; features: the mean of the last map". It fails where
// Resolve does.
func Assumed(name string, o EncoderOptions) (string, error) {
	o, err := Resolve(name, o)
	if err != nil {
		return "", err
	}
	e := named(name)
	var parts []string
	if e.patch > 0 {
		parts = append(parts, fmt.Sprintf("%d heads", o.Heads), fmt.Sprintf("layer norm eps %g", o.NormEps))
		norm := "behind the final norm"
		if o.FCNorm {
			norm = "with fc_norm behind it"
		}
		pool := "the class token " + norm
		if o.Pool == "avg" {
			pool = "the mean of the patches' tokens " + norm
		}
		return strings.Join(append(parts, "GELU by erf", "features: "+pool), "; "), nil
	}
	conv, pool := o.stem()
	stem := fmt.Sprintf("conv1 %dx%d stride %d padding %d", conv.Kernel, conv.Kernel, conv.Stride, conv.Pad)
	switch {
	case e.stems == nil: // conv, norm, pool, ... of its own
	case pool:
		stem += fmt.Sprintf(", %dx%d max pool of stride %d", stemPool.Kernel, stemPool.Kernel, stemPool.Stride)
	default:
		stem += ", no pool"
	}
	parts = append(parts, stem)
	if e.bottleneck {
		parts = append(parts, "stride of a block on its 3x3 convolution")
	}
	over := "the mean"
	if o.Pool == "max" {
		over = "the largest"
	}
	return strings.Join(append(parts, fmt.Sprintf("%s norm eps %g", o.Norm, o.NormEps),
		"features: "+over+" of the last map"), "; "), nil
}
