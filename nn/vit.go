package nn

import "fmt"

// vitSize is a size of vision transformer: the width of a token, blocks, heads.
type vitSize struct {
	name              string
	dim, depth, heads int
}

// vitSizes are those of DeiT (Touvron et al. 2021, Table 1), of which Base is the
// ViT-B of Dosovitskiy et al. 2021 (arXiv 2010.11929).
var vitSizes = []vitSize{
	{"vit_tiny", 192, 12, 3},
	{"vit_small", 384, 12, 6},
	{"vit_base", 768, 12, 12},
}

// vitPatches are the sides of the patches that there are names for.
var vitPatches = []int{2, 4, 8, 16}

func init() {
	for _, s := range vitSizes {
		for _, patch := range vitPatches {
			a := Architecture{
				Pools:     []string{"token", "avg"},
				Positions: []string{PositionsLearned, PositionsSine},
				DropPath:  true, Depth: true,
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
//
// Pixels at the lower and right border that do not fill a patch are left out.
func vit(s vitSize, patch int, o EncoderOptions, seed uint64) Sequential {
	// The width factor changes the heads' size, so that there are as many.
	dim := s.heads * o.Channels(s.dim/s.heads)
	depth := s.depth
	if o.Depth > 0 {
		depth = o.Depth
	}
	net := Sequential{
		NewPatchEmbed("patch_embed", o.InC, dim, patch, seed),
		NewEmbedTokens("embed", o.InH/patch, o.InW/patch, dim, o.Positions, seed),
	}
	for i := range depth {
		// The share of samples that a block is dropped for rises to DropPath.
		drop := 0.0
		if depth > 1 {
			drop = o.DropPath * float64(i) / float64(depth-1)
		}
		net = append(net, NewViTBlock(fmt.Sprintf("blocks.%d", i), dim, s.heads, drop, seed))
	}
	return append(net, NewLayerNorm("norm", dim, vitEps), &TokenPool{"pool", o.Pool == "avg"})
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
