package weights

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A scheme is how a family of programs names the parameters of an encoder. A new
// one is an entry in vitSchemes, or a word in one of the lists of ResNets.
type scheme struct {
	name string
	// theirs returns the names that a parameter may have in the scheme, without
	// prefix, the likeliest first; none for one that it does not have. The tensors of
	// a name of several parts are stacked along their first dimension.
	theirs func(ours string) [][]string
	// eps is what the scheme's programs usually add to variances where that is not
	// what encoders have here; 0 otherwise.
	eps float64
}

// own are our own names, which are torchvision's of ResNets, conv1.weight to
// layer4.1.bn2.running_var, and timm's of vision transformers, which facebookresearch/mae,
// dino and dinov2 have too. Those of resNetScheme begin with them.
const own = "torchvision"

// schemesFor returns the schemes that the names of a file may follow, our own first.
func schemesFor(names []string) []scheme {
	all := []scheme{resNetScheme(own, func(stage int) string { return fmt.Sprintf("layer%d", stage) }),
		releasedResNet9}
	for _, s := range []struct {
		name, format string
		first        int
	}{{"Hugging Face's ResNet", "encoder.stages.%d.layers", 0}, {"ResNets of weiaicunzai", "conv%d_x", 2},
		{"ResNets with stages", "stages.%d", 0},
		{"ResNets with stage1", "stage%d", 1}, {"ResNets with layers", "layers.%d", 0}, {"ResNets with block1",
			"block%d", 1}, {"ResNets with blocks", "blocks.%d", 0}} {
		all = append(all, resNetScheme(s.name, func(stage int) string {
			return fmt.Sprintf(s.format,
				s.first+stage-1)
		}))
	}
	return slices.Concat(all, sequentials(names), vitSchemes)
}

// Schemes returns the names of the schemes that LoadEncoder knows.
func Schemes() []string {
	names := []string{"nn.Sequential"}
	for _, s := range schemesFor(nil) {
		names = append(names, s.name)
	}
	return names
}

// stem are the names of the first convolution and norm of a ResNet.
var stems = [][2]string{{"conv1", "bn1"}, {"conv1.0", "conv1.1"}, {"stem.0", "stem.1"}, {"stem.conv",
	"stem.norm"}, {"stem.conv", "stem.bn"},
	{"embedder.embedder.convolution", "embedder.embedder.normalization"}, {"conv", "bn"}}

// shortcuts are the names of the convolution and norm of a block's shortcut.
var shortcuts = [][2]string{{"downsample.0", "downsample.1"}, {"shortcut.0", "shortcut.1"},
	{"shortcut.convolution", "shortcut.normalization"},
	{"shortcut.conv", "shortcut.bn"}, {"shortcut.conv", "shortcut.norm"}, {"skip.0", "skip.1"},
	{"downsample.conv", "downsample.bn"}}

// inBlock returns the names of the n-th convolution and norm of a block, from 1.
func inBlock(n int) [][2]string {
	pair := func(format string, conv, norm int) [2]string {
		return [2]string{fmt.Sprintf(format, conv), fmt.Sprintf(format, norm)}
	}
	id := strconv.Itoa(n)
	return [][2]string{{"conv" + id, "bn" + id}, {"conv" + id, "norm" + id},
		{"layer." + strconv.Itoa(n-1) + ".convolution", "layer." + strconv.Itoa(n-1) + ".normalization"},
		pair("residual_function.%d", 3*n-3, 3*n-2), pair("left.%d", 3*n-3, 3*n-2), pair("residual.%d", 3*n-3, 3*n-2)}
}

var resNetName = regexp.MustCompile(`^(?:(conv1|bn1)|layer(\d)\.(\d+)\.(?:(conv|bn)(\d)|downsample\.([01])))\.(\w+)$`)

// resNetScheme has blocks called stage(1).0 and so on, and all the names of stems and
// within blocks. Parameters of other encoders have their own names.
func resNetScheme(name string, stage func(int) string) scheme {
	return scheme{name: name, theirs: func(ours string) [][]string {
		m := resNetName.FindStringSubmatch(ours)
		if m == nil {
			if name == own {
				return alsoCalled(ours)
			}
			return nil
		}
		pairs, before, norm := stems, "", 0
		if m[1] == "bn1" || m[4] == "bn" || m[6] == "1" {
			norm = 1
		}
		if s, _ := strconv.Atoi(m[2]); s > 0 {
			before, pairs = stage(s)+"."+m[3]+".", shortcuts
			if n, _ := strconv.Atoi(m[5]); n > 0 {
				pairs = inBlock(n)
			}
		}
		var out [][]string
		for _, p := range pairs {
			out = append(out, []string{before + p[norm] + "." + m[7]})
		}
		return out
	}}
}

// alsoCalled are our own name and others for the same, of vision transformers.
func alsoCalled(ours string) [][]string {
	if ours == "reg_token" {
		return [][]string{{ours}, {"register_tokens"}} // timm's, facebookresearch/dinov2's
	}
	return [][]string{{ours}}
}

var numbered = regexp.MustCompile(`^(.*\.|)(\d+)\.0\.(?:conv1\.weight|layer\.0\.convolution\.weight|` +
	`residual_function\.0\.weight)$`)
var convolution = regexp.MustCompile(`^(\d+(?:\.\d+)?)\.weight$`)

// sequentials returns a scheme for each nn.Sequential(conv1, bn1, ..., layer1, ...)
// of a ResNet in the file, whose children have their number for a name: those with a
// first block are the stages, and the first two tensors with a weight before them are
// the convolution and the norm.
func sequentials(names []string) []scheme {
	stages := map[string][]int{} // by prefix
	for _, name := range names {
		if m := numbered.FindStringSubmatch(name); m != nil {
			n, err := strconv.Atoi(m[2])
			if err == nil {
				stages[m[1]] = append(stages[m[1]], n)
			}
		}
	}
	var all []scheme
	seen := map[string]bool{}
	for _, prefix := range slices.Sorted(maps.Keys(stages)) {
		of := stages[prefix]
		slices.Sort(of)
		var stem []string
		for _, name := range names {
			rest, ok := strings.CutPrefix(name, prefix)
			if m := convolution.FindStringSubmatch(rest); ok && m != nil && before(m[1], of[0]) {
				stem = append(stem, m[1])
			}
		}
		if len(stem) != 2 {
			continue
		}
		slices.SortFunc(stem, natural)
		if key := fmt.Sprint(stem, of); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		blocks := resNetScheme("nn.Sequential", func(stage int) string {
			if stage > len(of) {
				return "none"
			}
			return strconv.Itoa(of[stage-1])
		})
		all = append(all, scheme{name: blocks.name, theirs: func(ours string) [][]string {
			layer, leaf, _ := strings.Cut(ours, ".")
			switch layer {
			case "conv1":
				return [][]string{{stem[0] + "." + leaf}}
			case "bn1":
				return [][]string{{stem[1] + "." + leaf}}
			}
			return blocks.theirs(ours)
		}})
	}
	return all
}

// before tells whether a child's number, or its and a grandchild's, comes before n.
func before(child string, n int) bool {
	first, _, _ := strings.Cut(child, ".")
	v, err := strconv.Atoi(first)
	return err == nil && v < n
}

// natural compares names such as 0.2 and 0.10 by their numbers.
func natural(a, b string) int {
	numbers := func(s string) (out []int) {
		for w := range strings.SplitSeq(s, ".") {
			n, _ := strconv.Atoi(w)
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(a), numbers(b))
}

// vitSchemes are names of vision transformers other than timm's.
var vitSchemes = []scheme{
	vitScheme("torchvision's ViT", 0, map[string]string{
		"cls_token": "class_token", "pos_embed": "encoder.pos_embedding", "patch_embed.proj": "conv_proj",
		"norm": "encoder.ln", "blocks": "encoder.layers.encoder_layer_",
		"norm1": "ln_1", "norm2": "ln_2", "attn.qkv": "self_attention.in_proj_",
		"attn.proj": "self_attention.out_proj", "mlp.fc1": "mlp.0|mlp.linear_1", "mlp.fc2": "mlp.3|mlp.linear_2",
	}),
	vitScheme("Hugging Face's ViT", 1e-12, map[string]string{
		"norm1": "layernorm_before", "norm2": "layernorm_after", "mlp.fc1": "intermediate.dense",
		"mlp.fc2": "output.dense",
	}),
	vitScheme("Hugging Face's DINOv2", 0, map[string]string{
		"norm1": "norm1", "norm2": "norm2", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
		"ls1.gamma": "layer_scale1.lambda1", "ls2.gamma": "layer_scale2.lambda1",
		"reg_token": "embeddings.register_tokens",
	}),
}

// huggingFace are the words that Hugging Face's vision transformers have in common.
var huggingFace = map[string]string{
	"cls_token": "embeddings.cls_token", "pos_embed": "embeddings.position_embeddings",
	"patch_embed.proj": "embeddings.patch_embeddings.projection",
	"norm":             "layernorm", "blocks": "encoder.layer.", "attn.proj": "attention.output.dense",
	"attn.qkv": "attention.attention.query+attention.attention.key+attention.attention.value",
}

var blockName = regexp.MustCompile(`^blocks\.(\d+)\.(.+)$`)

// vitScheme replaces words of timm's names: several with | between them where
// programs differ, with + where tensors are stacked. One that ends with _ goes on with
// weight or bias without a dot.
func vitScheme(name string, eps float64, words map[string]string) scheme {
	if strings.HasPrefix(name, "Hugging Face") {
		all := maps.Clone(huggingFace)
		maps.Copy(all, words)
		words = all
	}
	return scheme{name: name, eps: eps, theirs: func(ours string) (out [][]string) {
		before, rest := "", ours
		if m := blockName.FindStringSubmatch(ours); m != nil {
			before, rest = words["blocks"]+m[1]+".", m[2]
		}
		leaf := ""
		if words[rest] == "" {
			at := strings.LastIndexByte(rest, '.')
			if at < 0 || words[rest[:at]] == "" {
				return nil
			}
			rest, leaf = rest[:at], rest[at:]
		}
		for way := range strings.SplitSeq(words[rest], "|") {
			var parts []string
			for part := range strings.SplitSeq(way, "+") {
				parts = append(parts, before+strings.ReplaceAll(part+leaf, "_.", "_"))
			}
			out = append(out, parts)
		}
		return out
	}}
}

// heads are first words of names of what sits on top of an encoder: classifiers,
// projectors, predictors, and the decoder of MAE.
var heads = []string{
	"fc", "classifier", "linear", "head", "heads", "projector", "projection", "projection_head",
	"projection_mlp", "proj_head", "predictor", "prediction_head", "prototypes", "contrastive_head",
	"head_dist", "mask_token",
	"decoder", "decoder_embed", "decoder_pos_embed", "decoder_blocks", "decoder_norm", "decoder_pred",
	"mlp_head", "online_classifier", "last_layer", "logits", "pooler", "pre_logits", "queue", "queue_ptr",
}

// Heads returns the first words of names that LoadEncoder leaves out behind the
// prefix.
func Heads() []string { return append([]string(nil), heads...) }

// maskTokens are the tokens that stand for hidden patches in training, by their last
// word.
const maskToken = "mask_token"

var headLeaf = regexp.MustCompile(`^(weight|bias|running_mean|running_var|num_batches_tracked|` +
	`weight_g|weight_v|original0|original1)$`)

// headLike tells whether the tensors of a part of a network, with their shapes, can be
// a head: linear layers and norms of vectors, at least one of them linear, and no
// convolution or token.
func headLike(shapes map[string][]int) bool {
	linear := false
	for name, shape := range shapes {
		if !headLeaf.MatchString(name[strings.LastIndexByte(name, '.')+1:]) || len(shape) > 2 {
			return false
		}
		linear = linear || len(shape) == 2
	}
	return linear
}
