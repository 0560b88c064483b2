package nn

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// PatchEmbed makes a token of every patch of an image: [N,H,W,C] to
// [N,(H/P)(W/P),dim], the patches row by row (Dosovitskiy et al. 2021, Eq. 1). Its
// parameters are those of a convolution with windows of P x P, P apart.
type PatchEmbed struct {
	name string
	conv *Conv2D
}

// NewPatchEmbed returns the embedding of patches of P x P pixels, with PyTorch's
// default initialisation of convolutions.
func NewPatchEmbed(name string, channels, dim, p int, seed uint64) *PatchEmbed {
	return &PatchEmbed{name, NewConv2D(name+".proj", ConvConfig{In: channels, Out: dim, Kernel: p, Stride: p}, seed)}
}

// Forward implements Module.
func (l *PatchEmbed) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	// The convolution's own tap would be the same numbers as a map.
	y := l.conv.apply(c, x)
	y = c.Tape.Reshape(y, y.Dim(0), y.Dim(1)*y.Dim(2), y.Dim(3))
	c.Tap(l.name, y)
	return y
}

// Params implements Module.
func (l *PatchEmbed) Params() []*Param { return l.conv.Params() }

// Plan implements Layer.
func (l *PatchEmbed) Plan(p *Plan, in []int) ([]int, error) {
	out, err := l.conv.Plan(&Plan{}, in)
	if err != nil {
		return nil, err
	}
	p.rows, p.cols = out[0], out[1]
	out = []int{out[0] * out[1], out[2]}
	p.Add(l.name, KindPatch, out)
	return out, nil
}

// ForInput implements Resizer: it takes maps of whole patches.
func (l *PatchEmbed) ForInput(_ *Plan, in []int) (Layer, error) {
	if side := l.conv.c.Kernel; len(in) != 3 || in[0]%side != 0 || in[1]%side != 0 {
		return nil, fmt.Errorf("found patches of %d pixels, expected a side that divides both", side)
	}
	return l, nil
}

// grid says how the patches cut images of shape in, each into a token of dim numbers.
func (l *PatchEmbed) grid(in []int, dim int) Grid {
	h, w, side := in[0], in[1], l.conv.c.Kernel
	return Grid{Height: h, Width: w, Rows: h / side, Cols: w / side, Side: side, Channels: in[2], Dim: dim}
}

// EmbedTokens puts the class token in front of the patches' tokens and adds the
// positions: [N,T,dim] to [N,T+1,dim]. Its parameters are cls_token [1,1,dim] and
// pos_embed [1,T+1,dim]. Behind the class token there may be registers, reg_token
// [1,R,dim], tokens without positions (Darcet et al. 2024, arXiv 2309.16588): then it
// is [N,T+1+R,dim].
type EmbedTokens struct {
	name             string
	token, positions *Param
	registers        *Param // nil without
	h, w             int    // of the positions
	// resize makes of the positions those of all tokens: of another grid
	// (ResizePositions), and zeros for registers; nil: they are.
	resize *tensor.Tensor
}

// The positions of vision transformers.
const (
	PositionsLearned = "learned" // trained with the rest, as in ViT and timm
	PositionsSine    = "sine"    // fixed sines and cosines, as in MAE
)

// NewEmbedTokens returns the embedding for patches of h rows and w columns. The
// token starts near 0, learned positions with a standard deviation of 0.02.
func NewEmbedTokens(name string, h, w, dim int, positions string, seed uint64) *EmbedTokens {
	token, pos := tensor.New(1, 1, dim), tensor.New(1, h*w+1, dim)
	l := &EmbedTokens{name: name, h: h, w: w,
		token:     &Param{Name: "cls_token", Value: normal(token, 1e-6, seed, "cls_token").RequireGrad(), NoDecay: true},
		positions: &Param{Name: "pos_embed", Value: pos, NoDecay: true}}
	if positions == PositionsSine {
		pos.CopyFrom(SinePositions(h, w, dim))
		l.positions.Buffer = true
	} else {
		normal(pos, 0.02, seed, "pos_embed").RequireGrad()
	}
	return l
}

// addRegisters adds n registers, which start like the class token. The positions are
// those of onGrid.
func (l *EmbedTokens) addRegisters(n int, seed uint64) {
	v := normal(tensor.New(1, n, l.token.Value.Len()), 1e-6, seed, "reg_token")
	l.registers = &Param{Name: "reg_token", Value: v.RequireGrad(), NoDecay: true}
}

// count is the number of registers.
func (l *EmbedTokens) count() int {
	if l.registers == nil {
		return 0
	}
	return l.registers.Value.Dim(1)
}

// places is the matrix that makes of the positions those of the tokens of h x w
// patches, [1+R+h*w, 1+l.h*l.w].
func (l *EmbedTokens) places(h, w int) *tensor.Tensor {
	cols, r := 1+l.h*l.w, l.count()
	m := ResizePositions(l.h, l.w, h, w)
	if h == l.h && w == l.w {
		clear(m)
		for i := range cols {
			m[i*cols+i] = 1
		}
	}
	return tensor.FromSlice(slices.Concat(m[:cols], make([]float32, r*cols), m[cols:]), 1+r+h*w, cols)
}

// onGrid returns the embedding with the same parameters for h x w patches.
func (l *EmbedTokens) onGrid(h, w int) *EmbedTokens {
	other := *l
	other.resize = nil
	if l.resizes(h, w) {
		other.resize = l.places(h, w)
	}
	return &other
}

// resizes says whether positions for h x w patches need a matrix.
func (l *EmbedTokens) resizes(h, w int) bool { return h != l.h || w != l.w || l.count() > 0 }

// maxResize is the size of the largest matrix of ResizePositions, of 256 MiB.
const maxResize = 1 << 26

// ForInput implements Resizer: the embedding with the same parameters for the patches
// of the PatchEmbed before it. Learned positions learn from all sizes.
func (l *EmbedTokens) ForInput(p *Plan, _ []int) (Layer, error) {
	to, from := p.rows*p.cols, l.h*l.w
	if l.resizes(p.rows, p.cols) && to*from > maxResize {
		return nil, fmt.Errorf("layer %s: found %d patches in place of %d, expected a product of at most %d: "+
			"a matrix makes positions of positions", l.name, to, from, maxResize)
	}
	return l.onGrid(p.rows, p.cols), nil
}

// Forward implements Module.
func (l *EmbedTokens) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	t, dim := l.positions.Value.Dim(1), l.positions.Value.Dim(2)
	if r := l.count(); r > 0 {
		rows := c.Tape.Reshape(l.registers.Value, r, dim)
		for i := r - 1; i >= 0; i-- {
			x = c.Tape.PrependToken(x, c.Tape.Reshape(c.Tape.Gather(rows, []int{i}), dim))
		}
	}
	x = c.Tape.PrependToken(x, c.Tape.Reshape(l.token.Value, dim))
	positions := c.Tape.Reshape(l.positions.Value, t, dim)
	if l.resize != nil {
		positions = c.Tape.MatMul(l.resize, positions, false, false)
	}
	x = c.Tape.AddTokens(x, positions)
	c.Tap(l.name, x)
	return x
}

// Params implements Module.
func (l *EmbedTokens) Params() []*Param { return present(l.token, l.positions, l.registers) }

// Plan implements Layer.
func (l *EmbedTokens) Plan(p *Plan, in []int) ([]int, error) {
	out := slices.Clone(l.positions.Value.Shape()[1:])
	if l.resize != nil {
		out[0] = l.resize.Dim(0)
	}
	if before := 1 + l.count(); len(in) != 2 || in[0]+before != out[0] || in[1] != out[1] {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected [%d,%d]", l.name, in, out[0]-before, out[1])
	}
	p.Add(l.name, KindEmbed, out)
	return out, nil
}

// TokenPool takes the class token, the first, or the mean of all others but the
// registers, which come next: [N,T,dim] to [N,dim].
type TokenPool struct {
	Name      string
	Mean      bool
	Registers int
}

// Forward implements Module.
func (l *TokenPool) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	var y *tensor.Tensor
	if l.Mean {
		y = c.Tape.MeanTokens(x, 1+l.Registers)
	} else {
		y = c.Tape.TakeToken(x, 0)
	}
	c.Tap(l.Name, y)
	return y
}

// Params implements Module: there are none.
func (l *TokenPool) Params() []*Param { return nil }

// Plan implements Layer.
func (l *TokenPool) Plan(p *Plan, in []int) ([]int, error) {
	if len(in) != 2 || in[0] < 2+l.Registers {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected a class token and at least one patch: "+
			"the image is too small", l.Name, in)
	}
	p.Add(l.Name, KindPool, in[1:])
	return in[1:], nil
}
