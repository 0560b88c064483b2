package weights

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// replaced returns names with pairs of words replaced.
func replaced(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

// The names that programs give the parameters of ResNets, each with its own prefix.
func TestLoadEncoderOfOtherResNets(t *testing.T) {
	stages := func(format string, first int) (pairs []string) {
		for i := range 4 {
			pairs = append(pairs, fmt.Sprintf("layer%d.", i+1), fmt.Sprintf(format, first+i))
		}
		return pairs
	}
	// sequential has the children 0, 1 (stem) and stages from first on.
	sequential := func(conv, bn string, first int) func(string) string {
		rename := replaced(stages("%d.", first)...)
		return func(name string) string {
			layer, leaf, _ := strings.Cut(name, ".")
			switch layer {
			case "conv1":
				return "backbone." + conv + "." + leaf
			case "bn1":
				return "backbone." + bn + "." + leaf
			}
			return "backbone." + rename(name)
		}
	}
	hub := func(name string) string {
		stem := map[string]string{"conv1": "convolution", "bn1": "normalization"}
		if layer, leaf, _ := strings.Cut(name, "."); stem[layer] != "" {
			return "resnet.embedder.embedder." + stem[layer] + "." + leaf
		}
		return "resnet." + replaced(append(stages("encoder.stages.%d.layers.", 0), "conv1.",
			"layer.0.convolution.", "bn1.", "layer.0.normalization.",
			"conv2.", "layer.1.convolution.", "bn2.", "layer.1.normalization.", "conv3.", "layer.2.convolution.",
			"bn3.", "layer.2.normalization.",
			"downsample.0", "shortcut.convolution", "downsample.1", "shortcut.normalization")...)(name)
	}
	pytorchCIFAR100 := func(name string) string {
		if strings.HasPrefix(name, "layer") {
			return replaced(append(stages("conv%d_x.", 2), ".conv1.", ".residual_function.0.", ".bn1.",
				".residual_function.1.", ".conv2.", ".residual_function.3.",
				".bn2.", ".residual_function.4.", ".conv3.", ".residual_function.6.", ".bn3.",
				".residual_function.7.", "downsample", "shortcut")...)(name)
		}
		return replaced("conv1.", "conv1.0.", "bn1.", "conv1.1.")(name)
	}
	for _, c := range []struct {
		name, scheme string
		rename       func(string) string
		more         []string
	}{
		{"all children of torchvision's", "nn.Sequential", sequential("0", "1", 4), nil},
		{"without a pool", "nn.Sequential", sequential("0", "1", 3), []string{"projection_head.layers.0.weight"}},
		{"without ReLU", "nn.Sequential", sequential("0", "1", 2), nil},
		{"a stem of its own", "nn.Sequential", sequential("0.0", "0.1", 1), nil},
		{"kuangliu's", "torchvision", replaced("downsample", "shortcut"), []string{"linear.bias"}},
		{"Hugging Face's", "Hugging Face's ResNet", hub, []string{"classifier.1.weight"}},
		{"weiaicunzai's", "ResNets of weiaicunzai", pytorchCIFAR100, []string{"fc.weight"}},
		{"stages", "ResNets with stages", replaced(stages("stages.%d.", 0)...), nil},
	} {
		for _, network := range []string{"resnet18", "resnet50"} {
			from, to := narrow(t, network, 1), narrow(t, network, 2)
			l, err := LoadEncoder(foreign(t, from, c.rename, c.more...), to, Options{})
			require.NoError(t, err, c.name)
			assert.Equal(t, nn.Hash(from), nn.Hash(to), c.name)
			assert.Equal(t, c.scheme, l.Scheme, c.name)
			assert.Equal(t, c.more, l.LeftOut, c.name)
			assert.NotEmpty(t, l.Example, c.name)
		}
	}
}

// vit returns a narrow vision transformer of two blocks for images of that size.
func vit(t *testing.T, size int, g nn.Geometry, seed uint64) []*nn.Param {
	enc, err := nn.NewEncoder("vit_tiny_patch8", nn.EncoderOptions{Width: 1. / 16, Depth: 2, InH: size, InW: size,
		Geometry: g}, seed)
	require.NoError(t, err)
	return enc.Params()
}

// rows returns the i-th of n parts of a tensor along its first dimension.
func rows(v *tensor.Tensor, i, n int) *tensor.Tensor {
	shape := append([]int(nil), v.Shape()...)
	shape[0] /= n
	size := v.Len() / n
	return tensor.FromSlice(append([]float32(nil), v.Data()[i*size:][:size]...), shape...)
}

func TestLoadEncoderOfOtherViTs(t *testing.T) {
	torchvision := replaced("cls_token", "class_token", "pos_embed", "encoder.pos_embedding", "patch_embed.proj",
		"conv_proj", "blocks.", "encoder.layers.encoder_layer_",
		"norm1", "ln_1", "norm2", "ln_2", "attn.qkv.", "self_attention.in_proj_", "attn.proj",
		"self_attention.out_proj", "mlp.fc1", "mlp.0", "mlp.fc2", "mlp.3")
	older := func(name string) string {
		return replaced("mlp.0", "mlp.linear_1", "mlp.3", "mlp.linear_2")(torchvision(name))
	}
	embeddings := []string{"cls_token", "embeddings.cls_token", "pos_embed", "embeddings.position_embeddings",
		"patch_embed.proj", "embeddings.patch_embeddings.projection",
		"reg_token", "embeddings.register_tokens", "blocks.", "encoder.layer.", "attn.proj",
		"attention.output.dense", "attn.qkv", "attention.attention.qkv"}
	hub := replaced(append(embeddings, "norm1", "layernorm_before", "norm2", "layernorm_after", "mlp.fc1",
		"intermediate.dense", "mlp.fc2", "output.dense")...)
	dino := replaced(append(embeddings, "ls1.gamma", "layer_scale1.lambda1", "ls2.gamma", "layer_scale2.lambda1")...)
	final := func(rename func(string) string, norm string) func(string) string {
		return func(name string) string {
			if leaf, ok := strings.CutPrefix(name, "norm."); ok {
				return norm + "." + leaf
			}
			return rename(name)
		}
	}
	scaled, registers := nn.Geometry{LayerScale: 1}, nn.Geometry{LayerScale: 1, Registers: 3}
	for _, c := range []struct {
		scheme, prefix string
		rename         func(string) string
		g              nn.Geometry
		more           string
		eps            float64
	}{
		{"torchvision's ViT", "", final(torchvision, "encoder.ln"), nn.Geometry{}, "heads.head.weight", 0},
		{"torchvision's ViT", "backbone.", final(older, "encoder.ln"), nn.Geometry{}, "backbone.heads.head.weight", 0},
		{"Hugging Face's ViT", "vit.", final(hub, "layernorm"), nn.Geometry{}, "vit.embeddings.mask_token", 1e-12},
		{"Hugging Face's ViT", "", final(hub, "layernorm"), nn.Geometry{}, "decoder.mask_token", 1e-12},
		{"Hugging Face's DINOv2", "", final(dino, "layernorm"), scaled, "embeddings.mask_token", 0},
		{"Hugging Face's DINOv2", "dinov2.", final(dino, "layernorm"), registers, "classifier.weight", 0},
		{"torchvision", "teacher.backbone.", replaced("reg_token", "register_tokens"), registers,
			"teacher.backbone.mask_token", 0},
	} {
		from, to := vit(t, 16, c.g, 1), vit(t, 16, c.g, 2)
		var items []item
		for _, p := range from {
			name := c.prefix + c.rename(p.Name)
			if before, leaf, ok := strings.Cut(name, ".qkv."); ok && strings.HasPrefix(c.scheme, "Hugging") {
				for i, part := range []string{"query", "key", "value"} {
					items = append(items, item{name: before + "." + part + "." + leaf, value: rows(p.Value, i, 3)})
				}
				continue
			}
			items = append(items, item{name: name, value: p.Value, oihw: p.Value.Rank() == 4})
		}
		path := filepath.Join(t.TempDir(), "vit.safetensors")
		require.NoError(t, write(path, append(items, item{name: c.more, value: ramp(1, 2)}), kindWeights, nil))
		l, err := LoadEncoder(path, to, Options{})
		require.NoError(t, err, c.scheme)
		assert.Equal(t, nn.Hash(from), nn.Hash(to), c.scheme)
		assert.Equal(t, []any{c.scheme, c.prefix, []string{c.more}, c.eps}, []any{l.Scheme, l.Prefix, l.LeftOut,
			l.NormEps})
	}
}

// timm's positions without one for the class token.
func TestLoadEncoderWithoutPositionOfTheClassToken(t *testing.T) {
	from, to := vit(t, 16, nn.Geometry{}, 1), vit(t, 16, nn.Geometry{}, 2)
	var items []item
	for _, p := range from {
		if v := p.Value; p.Name == "pos_embed" {
			clear(v.Data()[:v.Dim(2)])
			items = append(items, item{name: p.Name, value: tensor.FromSlice(v.Data()[v.Dim(2):], 1, v.Dim(1)-1,
				v.Dim(2))})
			continue
		}
		items = append(items, item{name: p.Name, value: p.Value, oihw: p.Value.Rank() == 4})
	}
	path := filepath.Join(t.TempDir(), "vit.safetensors")
	require.NoError(t, write(path, items, kindWeights, nil))
	l, err := LoadEncoder(path, to, Options{})
	require.NoError(t, err)
	assert.Equal(t, nn.Hash(from), nn.Hash(to))
	assert.Equal(t, "pos_embed has no position for the class token: took 0", l.Note())
}

// What a file tells of a network of another kind than the one asked for.
func TestLoadEncoderHints(t *testing.T) {
	plain := func() []*nn.Param { return vit(t, 16, nn.Geometry{}, 2) }
	load := func(params []*nn.Param, to []*nn.Param) string {
		_, err := LoadEncoder(foreign(t, params, behind("")), to, Options{})
		require.Error(t, err)
		return err.Error()
	}
	assert.Contains(t, load(vit(t, 32, nn.Geometry{}, 1), plain()),
		"of 4 x 4 patches: --set encoder.positions_size=N, 4 times the side of a patch")
	assert.Contains(t, load(vit(t, 16, nn.Geometry{LayerScale: 1}, 1), plain()), "--set encoder.layer_scale=1")
	assert.Contains(t, load(vit(t, 16, nn.Geometry{Registers: 4}, 1), plain()), "--set encoder.registers=N")
	assert.Contains(t, load(vit(t, 16, nn.Geometry{FCNorm: true}, 1), plain()), "--set encoder.fc_norm=true")
	assert.Contains(t, load(narrow(t, "resnet18", 1), plain()),
		"not one name of this network is there; the file's names are bn1.bias, bn1.num_batches_tracked,")
	wide, err := nn.NewEncoder("resnet18", nn.EncoderOptions{Width: 1. / 16}, 1)
	require.NoError(t, err)
	assert.Contains(t, load(wide.Params(), narrow(t, "resnet18", 1)),
		"wrong: conv1.weight, found shape [4 3 3 3], expected [2 3 3 3]; --width?")
}

// Parts that are no part of the encoder are left out by what they are made of.
func TestLoadEncoderLeavesHeadsOut(t *testing.T) {
	from := narrow(t, "resnet18", 1)
	file := func(more map[string]*tensor.Tensor) string {
		var items []item
		for _, p := range from {
			items = append(items, item{name: p.Name, value: p.Value, oihw: p.Value.Rank() == 4})
		}
		for name, v := range more {
			items = append(items, item{name: name, value: v})
		}
		path := filepath.Join(t.TempDir(), "head.safetensors")
		require.NoError(t, write(path, items, kindWeights, nil))
		return path
	}
	for _, head := range []string{"mlp_head.0", "online_classifier", "last_layer", "g.0", "logits",
		"ssl_classifier.net.3"} {
		to := narrow(t, "resnet18", 2)
		l, err := LoadEncoder(file(map[string]*tensor.Tensor{head + ".weight": ramp(4, 16),
			head + ".bias": ramp(4)}), to, Options{})
		require.NoError(t, err, head)
		assert.Equal(t, nn.Hash(from), nn.Hash(to), head)
		assert.Equal(t, "left out 2 tensors: "+head+".bias, "+head+".weight", l.Note())
	}
	for name, shape := range map[string][]int{"layer5.0.conv1.weight": {4, 4, 3, 3}, "se.weight": {2},
		"layer4.2.fc.weight": {2, 2}, "extra.token": {1, 2}} {
		_, err := LoadEncoder(file(map[string]*tensor.Tensor{name: ramp(shape...)}), narrow(t, "resnet18", 2),
			Options{})
		assert.ErrorContains(t, err, "unknown: "+name+", found shape", "only heads are left out")
	}
}

func TestIgnoreAndRename(t *testing.T) {
	from, to := narrow(t, "resnet18", 1), narrow(t, "resnet18", 2)
	path := foreign(t, from, replaced("layer1", "part_a", "layer2", "part_b", "layer3", "part_c", "layer4",
		"part_d"), "part_b.extra", "conv9.weight")
	_, err := LoadEncoder(path, to, Options{})
	require.ErrorContains(t, err, "--rename FROM=TO")
	o := Options{Ignore: []string{"*.extra", "conv9.weight"}, Rename: []string{"^part_a=layer1", "^part_b=layer2",
		"part_c=layer3", `part_(d)\.=layer4.`}}
	l, err := LoadEncoder(path, to, o)
	require.NoError(t, err)
	assert.Equal(t, nn.Hash(from), nn.Hash(to))
	assert.Contains(t, l.Note(), "ignored 2 tensors; renamed ")
	for want, o := range map[string]Options{
		`ignore: found no name that "nothing*" matches`: {
			Ignore: []string{"nothing*"}},
		`rename: found no name that "nothing" matches`: {
			Rename: []string{"nothing=x"}},
		`rename: found "x", expected FROM=TO`: {
			Rename: []string{"x"}},
		`rename: found "(", expected a regular expression`: {
			Rename: []string{"(=x"}},
		`ignore: found "[", expected a pattern`: {
			Ignore: []string{"["}},
		`rename: "bn1.bias=bn1.weight" makes "bn1.weight" of both`: {
			Rename: []string{"bn1.bias=bn1.weight"}},
		`rename: "part_a.0=part_a.1" makes "part_a.1.bn1.bias" of both "part_a.0.bn1.bias" and "part_a.1.bn1.bias"`: {
			Rename: []string{"part_a.0=part_a.1"}},
	} {
		_, err := LoadEncoder(path, to, o)
		assert.ErrorContains(t, err, want)
	}
}

// A model in two files, as Hugging Face's save_pretrained writes it.
func TestIndex(t *testing.T) {
	from, to := narrow(t, "resnet18", 1), narrow(t, "resnet18", 2)
	dir := t.TempDir()
	var halves [2][]item
	var list []string
	shard := func(i int) string { return fmt.Sprintf("model-%05d-of-00002.safetensors", i+1) }
	for n, p := range from {
		i := n * 2 / len(from)
		halves[i] = append(halves[i], item{name: "resnet." + p.Name, value: p.Value, oihw: p.Value.Rank() == 4})
		list = append(list, fmt.Sprintf("%q: %q", "resnet."+p.Name, shard(i)))
	}
	index := filepath.Join(dir, "model.safetensors.index.json")
	text := `{"metadata": {"total_size": 1}, "weight_map": {` + strings.Join(list, ", ") + `}}`
	require.NoError(t, os.WriteFile(index, []byte(text), 0o644))
	require.NoError(t, write(filepath.Join(dir, shard(0)), halves[0], kindWeights, nil))
	_, err := LoadEncoder(index, to, Options{})
	assert.EqualError(t, err,
		index+": names 2 files, of which model-00002-of-00002.safetensors is not there: all of them have to lie beside it")
	require.NoError(t, write(filepath.Join(dir, shard(1)), halves[1], kindWeights, nil))
	l, err := LoadEncoder(index, to, Options{})
	require.NoError(t, err)
	assert.Equal(t, nn.Hash(from), nn.Hash(to))
	assert.Equal(t, "resnet.", l.Prefix)
	_, err = LoadEncoder(index, narrow(t, "resnet18", 3), Options{Rename: []string{"resnet=net"}})
	require.NoError(t, err, "renamed tensors are found in their file")

	_, err = LoadEncoder(filepath.Join(dir, shard(0)), to, Options{})
	assert.ErrorContains(t, err,
		"this is file 1 of 2 of one model: give the index, model.safetensors.index.json, which is beside it")
	for content, want := range map[string]string{
		`{"weight_map": {}}`:                           "weight_map: found none",
		`{"weight_map": {"a": "../x.safetensors"}}`:    `found the file "../x.safetensors", expected one beside the index`,
		`{"weight_map": {"a": "` + shard(0) + `"}}`:    `tensor "a" is not in ` + shard(0),
		"version https://git-lfs.github.com/spec/v1\n": "a Git LFS pointer",
		`{"weight_map": 3}`:                            "cannot unmarshal",
	} {
		require.NoError(t, os.WriteFile(index, []byte(content), 0o644))
		_, err = LoadEncoder(index, to, Options{})
		assert.ErrorContains(t, err, want)
	}
}

// Files of other formats are called what they are, with what to do.
func TestOtherKindsOfFiles(t *testing.T) {
	for content, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("a",
			64) + "\nsize 44700000\n": "a Git LFS pointer in the place of the file (of 44700000 bytes), expected " +
			"safetensors: run 'git lfs pull'",
		"PK\x03\x04" + strings.Repeat("\x00",
			26) + "archive/data.pkl": "python3 -c",
		"PK\x03\x04" + strings.Repeat("\x00",
			26) + "features.npy": "a NumPy archive (.npz)",
		"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.": "torch.load",
		"<!DOCTYPE html><html>":                      "an HTML page",
		`{"metadata": {}, "weight_map": {"a": "b"}}`: "expected a name that ends with .index.json",
		`{"architectures": ["ViTModel"]}`:            "JSON, expected safetensors",
		"\x89HDF\r\n\x1a\n":                          "HDF5",
	} {
		path := filepath.Join(t.TempDir(), "weights.safetensors")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		_, err := LoadEncoder(path, nil, Options{})
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, path)
	}
	// A header whose length begins like a pickle is none.
	_, err := parseBytes(file("{}"+strings.Repeat(" ", 0x280-2), 0))
	require.NoError(t, err)
}
