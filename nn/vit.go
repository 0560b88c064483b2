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

func init() {
	for _, s := range vitSizes {
		for _, patch := range vitPatches {
			a := Architecture{
				Pools:     []string{"token", "avg"},
				Positions: []string{PositionsLearned, PositionsSine},
				DropPath:  true, Depth: true, NormEps: vitEps,
				Tokens: &TokenSize{Patch: patch, Dim: s.dim, Heads: s.heads}, Assumed: vitAssumed,
				Build: func(o EncoderOptions, seed uint64) Layer { return vit(s, patch, o, seed) },
			}
			if s.name == "vit_tiny" && patch == 4 {
				a.Groups = []TapGroup{{Name: "T10", Rows: vitRows(s.depth)}}
			}
			RegisterEncoder(fmt.Sprintf("%s_patch%d", s.name, patch), a)
		}
	}
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
	dim := (&TokenSize{Dim: s.dim, Heads: s.heads}).width(o)
	depth := s.depth
	if o.Depth > 0 {
		depth = o.Depth
	}
	h, w := o.InH/patch, o.InW/patch
	rows, cols := h, w
	if o.PositionsSize > 0 {
		rows, cols = o.PositionsSize/patch, o.PositionsSize/patch
	}
	embed := NewEmbedTokens("embed", rows, cols, dim, o.Positions, seed)
	if o.Registers > 0 {
		embed.addRegisters(o.Registers, seed)
	}
	net := Sequential{NewPatchEmbed("patch_embed", o.InC, dim, patch, seed), embed.onGrid(h, w)}
	for i := range depth {
		// The share of samples that a block is dropped for rises to DropPath.
		drop := 0.0
		if depth > 1 {
			drop = o.DropPath * float64(i) / float64(depth-1)
		}
		b := NewViTBlock(fmt.Sprintf("blocks.%d", i), dim, o.Heads, drop, seed)
		b.norm1.eps, b.norm2.eps = float32(o.NormEps), float32(o.NormEps)
		net = append(net, b.withScale(float32(o.LayerScale)))
	}
	pool := &TokenPool{Name: "pool", Mean: o.Pool == "avg", Registers: o.Registers}
	if o.FCNorm {
		return append(net, Sequential{pool, NewLayerNorm("fc_norm", dim, float32(o.NormEps))})
	}
	return append(net, NewLayerNorm("norm", dim, float32(o.NormEps)), pool)
}

// vitAssumed implements Architecture.Assumed.
func vitAssumed(o EncoderOptions) string {
	pool, norm := "the class token", "behind the final norm"
	if o.Pool == "avg" {
		pool = "the mean of the patches' tokens"
	}
	if o.FCNorm {
		norm = "with fc_norm behind it"
	}
	return fmt.Sprintf("%d heads; layer norm eps %g; GELU by erf; features: %s %s", o.Heads, o.NormEps, pool, norm)
}

// vitEps is added to the variance in the norms of vision transformers.
const vitEps = 1e-6

// vitRows are those of Table 10, block by block: the attention layer, the sum
// after it, the MLP, and the sum after that, which is the block's output. The
// paper's Delta of a row is against the sum before it.
func vitRows(blocks int) (rows []GroupRow) {
	for i := range blocks {
		name := fmt.Sprintf("blocks.%d", i)
		rows = append(rows,
			GroupRow{fmt.Sprintf("ATT_%d", i+1), name + ".attn.proj"},
			GroupRow{fmt.Sprintf("ResBlockATT_%d", i+1), name + ".add1"},
			GroupRow{fmt.Sprintf("FC_%d", i+1), name + ".mlp.fc2"},
			GroupRow{fmt.Sprintf("ResBlockFC_%d", i+1), name})
	}
	return rows
}
