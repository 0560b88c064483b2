package nn

import "fmt"

// vitSize is a size of vision transformer: the width of a token, blocks, heads.
type vitSize struct {
	name              string
	dim, depth, heads int
}

// vitSizes are those of DeiT (Touvron et al. 2021, Table 1), of which Base is the
// ViT-B of Dosovitskiy et al. 2021 (arXiv 2010.11929), and the ViT-L of the latter.
var vitSizes = []vitSize{
	{"vit_tiny", 192, 12, 3},
	{"vit_small", 384, 12, 6},
	{"vit_base", 768, 12, 12},
	{"vit_large", 1024, 24, 16},
}

// vitPatches are the sides of the patches that there are names for.
var vitPatches = []int{2, 4, 8, 14, 16, 32}

// vits returns the vision transformers of the registry: vit_tiny_patch4 and so on.
func vits() []encoder {
	var all []encoder
	for _, s := range vitSizes {
		for _, patch := range vitPatches {
			all = append(all, encoder{
				name:  fmt.Sprintf("%s_patch%d", s.name, patch),
				pools: []string{"token", "avg"}, positions: []string{PositionsLearned, PositionsSine},
				build: func(o EncoderOptions, seed uint64) Sequential { return vit(s, patch, o, seed) },
				patch: patch, dim: s.dim, heads: s.heads,
			})
		}
	}
	return all
}

// vit is the vision transformer with a class token and norms before attention
// and MLP, in timm's names:
//
//	patch_embed          every patch becomes a token: a convolution of its size
//	embed                the class token in front, plus the positions
//	blocks.N             attention and MLP, each with its norm and its sum
//	norm                 the final norm
//	pool                 the class token, or the mean of the patches' tokens
//	fc_norm              in the place of norm, behind the pool, where it is asked for
//
// Pixels at the lower and right border that do not fill a patch are left out.
func vit(s vitSize, patch int, o EncoderOptions, seed uint64) Sequential {
	// The width factor changes the heads' size, so that there are as many.
	dim, heads, eps := s.heads*o.channels(s.dim/s.heads), s.heads, o.normEps(vitEps)
	if o.Heads > 0 {
		heads = o.Heads
	}
	depth := s.depth
	if o.Depth > 0 {
		depth = o.Depth
	}
	h, w := o.InH/patch, o.InW/patch
	rows, cols := h, w
	if o.PositionsSize > 0 {
		rows, cols = o.PositionsSize/patch, o.PositionsSize/patch
	}
	embed := NewEmbedTokens(embedTap, rows, cols, dim, o.Positions, seed).withRegisters(o.Registers, seed)
	net := Sequential{NewPatchEmbed("patch_embed", o.InC, dim, patch, seed), embed.onGrid(h, w)}
	for i := range depth {
		// The share of samples that a block is dropped for rises to DropPath.
		drop := 0.0
		if depth > 1 {
			drop = o.DropPath * float64(i) / float64(depth-1)
		}
		b := NewViTBlock(fmt.Sprintf("blocks.%d", i), dim, heads, drop, seed)
		b.norm1.eps, b.norm2.eps = eps, eps
		net = append(net, b.withScale(float32(o.LayerScale)))
	}
	pool := &TokenPool{Name: "pool", Mean: o.Pool == "avg", Registers: o.Registers}
	if o.FCNorm {
		return append(net, Sequential{pool, NewLayerNorm("fc_norm", dim, eps)})
	}
	return append(net, NewLayerNorm("norm", dim, eps), pool)
}

// embedTap is the tap of the tokens with class token and positions.
const embedTap = "embed"

// vitEps is added to the variance in the norms of vision transformers.
const vitEps = 1e-6
