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

// TokenSize is the size of a vision transformer's tokens.
type TokenSize struct {
	Patch int // side of a patch in pixels
	Dim   int // width of a token at width factor 1
	Heads int // the usual number of attention heads
}

// width is the width of a token. The width factor changes the size of the usual heads,
// so that there are as many.
func (t *TokenSize) width(o EncoderOptions) int { return t.Heads * o.Channels(t.Dim/t.Heads) }

// stemOf returns the first convolution of a ResNet but for its channels.
func stemOf(stem string) ConvConfig {
	if stem == StemImageNet {
		return ConvConfig{Kernel: 7, Stride: 2, Pad: 3}
	}
	return ConvConfig{Kernel: 3, Stride: 1, Pad: 1}
}

// checkGeometry fills in the usual values of Geometry and checks the ranges, and that
// nothing is asked for that the encoder does not have.
func (a *Architecture) checkGeometry(o EncoderOptions) (EncoderOptions, error) {
	if !(o.NormEps >= 0 && o.NormEps <= 1) {
		return o, fmt.Errorf("norm eps: found %v, expected 0 (the usual) to 1", o.NormEps)
	}
	if o.NormEps > 0 && a.NormEps == 0 {
		return o, fmt.Errorf("norm eps: found %v, expected 0: %s has one of its own", o.NormEps, a.name)
	}
	o.NormEps = or(o.NormEps, a.NormEps)
	if err := a.checkStem(&o); err != nil {
		return o, err
	}
	return o, a.checkTokens(&o)
}

// checkStem is checkGeometry of the first layers of ResNets.
func (a *Architecture) checkStem(o *EncoderOptions) error {
	if o.StemPool == "" {
		o.StemPool = auto
	}
	if !a.StemGeometry {
		if o.StemPad != nil || o.StemStride != 0 || o.StemPool != auto {
			return fmt.Errorf("stem padding, stride and pool: found other ones than the usual, expected none: "+
				"%s has a stem of its own", a.name)
		}
		o.StemPool = ""
		return nil
	}
	if p := o.StemPad; p != nil && (*p < 0 || *p > 16) {
		return fmt.Errorf("stem padding: found %d, expected 0 to 16", *p)
	}
	if o.StemStride < 0 || o.StemStride > 16 {
		return fmt.Errorf("stem stride: found %d, expected 1 to 16, or 0 for the usual", o.StemStride)
	}
	if all := []string{auto, StemPoolMax, StemPoolNone}; !slices.Contains(all, o.StemPool) {
		return fmt.Errorf("stem pool: found %q, expected %s", o.StemPool, strings.Join(all, ", "))
	}
	usual := stemOf(o.Stem)
	if o.StemPad == nil {
		o.StemPad = &usual.Pad
	}
	o.StemStride = or(o.StemStride, usual.Stride)
	if o.StemPool == auto {
		o.StemPool = StemPoolNone
		if o.Stem == StemImageNet {
			o.StemPool = StemPoolMax
		}
	}
	return nil
}

// checkTokens is checkGeometry of vision transformers.
func (a *Architecture) checkTokens(o *EncoderOptions) error {
	t := a.Tokens
	if t == nil {
		if o.PositionsSize != 0 || o.Heads != 0 || o.FCNorm || o.LayerScale != 0 || o.Registers != 0 {
			return fmt.Errorf("heads, fc_norm, layer scale, registers and positions size: found some, "+
				"expected none: %s is no vision transformer", a.name)
		}
		return nil
	}
	if s := o.PositionsSize; s < 0 || s > 4096 || s > 0 && s < t.Patch {
		return fmt.Errorf("positions size: found %d, expected the patch's %d to 4096 pixels, or 0 for the images'",
			s, t.Patch)
	}
	o.Heads = or(o.Heads, t.Heads)
	if width := t.width(*o); o.Heads < 0 || width%o.Heads != 0 {
		return fmt.Errorf("heads: found %d, expected a divisor of %d, the width of a token", o.Heads, width)
	}
	if !(o.LayerScale >= 0 && o.LayerScale <= 100) {
		return fmt.Errorf("layer scale: found %v, expected 0 (none) to 100", o.LayerScale)
	}
	if o.Registers < 0 || o.Registers > maxRegisters {
		return fmt.Errorf("registers: found %d, expected 0 to %d", o.Registers, maxRegisters)
	}
	return nil
}

// checkPositions wants a matrix of positions that fits into memory.
func (a *Architecture) checkPositions(o EncoderOptions) error {
	if a.Tokens == nil || o.PositionsSize == 0 && o.Registers == 0 {
		return nil
	}
	side := a.Tokens.Patch
	to := (o.InH / side) * (o.InW / side)
	from := to
	if o.PositionsSize > 0 {
		from = (o.PositionsSize / side) * (o.PositionsSize / side)
	}
	if from*to > maxResize {
		return fmt.Errorf("positions size: found %d for images of %dx%d, expected less: "+
			"a matrix makes positions of positions", o.PositionsSize, o.InH, o.InW)
	}
	return nil
}

// Resolve returns the options of an encoder with "auto" and zeros replaced by what
// they mean for it, where it has a choice; "auto" stands where it has none. It fails
// where NewEncoder does for them.
func Resolve(name string, o EncoderOptions) (EncoderOptions, error) {
	a, ok := ArchitectureOf(name)
	if !ok {
		return o, fmt.Errorf("encoder: found %q, expected one of: %s", name, strings.Join(EncoderNames(), ", "))
	}
	o, err := a.check(o)
	if err != nil {
		return o, fmt.Errorf("encoder %s: %w", name, err)
	}
	for _, v := range []*string{&o.Pool, &o.Stem, &o.Norm, &o.Positions, &o.StemPool} {
		if *v == "" {
			*v = auto
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
	a := named(name)
	if a.Assumed != nil {
		return a.Assumed(o), nil
	}
	parts := []string{"the layers registered as " + name}
	if a.NormEps > 0 {
		parts = append(parts, fmt.Sprintf("norm eps %g", o.NormEps))
	}
	if len(a.Pools) > 0 {
		parts = append(parts, "pool "+o.Pool)
	}
	return strings.Join(parts, "; "), nil
}
