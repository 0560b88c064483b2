package weights

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func narrow(t *testing.T, name string, seed uint64) []*nn.Param {
	enc, err := nn.NewEncoder(name, nn.EncoderOptions{Width: 1. / 32}, seed)
	require.NoError(t, err)
	return enc.Params()
}

// foreign writes a file as another program would: the parameters under names that
// rename gives, and more tensors.
func foreign(t *testing.T, params []*nn.Param, rename func(string) string, more ...string) string {
	var items []item
	for _, p := range params {
		items = append(items, item{name: rename(p.Name), value: p.Value, oihw: p.Value.Rank() == 4})
		if layer, ok := strings.CutSuffix(p.Name, ".running_mean"); ok {
			items = append(items, item{name: rename(layer + ".num_batches_tracked"), value: ramp()})
		}
	}
	for _, m := range more {
		items = append(items, item{name: m, value: ramp(2)})
	}
	path := filepath.Join(t.TempDir(), "foreign.safetensors")
	require.NoError(t, write(path, items, kindWeights, map[string]string{"epoch": "3"}))
	return path
}

func behind(prefix string) func(string) string {
	return func(name string) string { return prefix + name }
}

func TestLoadEncoderFindsThePrefix(t *testing.T) {
	from := narrow(t, "resnet18", 1)
	for _, prefix := range []string{
		"", "module.", "backbone.", "encoder_q.", "base_encoder.", "model.", "encoder.", "student.", "teacher.",
		"module.encoder_q.", "state_dict.model.backbone.net.", "f.0.",
	} {
		heads := []string{prefix + "fc.weight", prefix + "fc.bias", prefix + "projector.0.weight"}
		path := foreign(t, from, behind(prefix), heads...)
		to := narrow(t, "resnet18", 2)
		l, err := LoadEncoder(path, to, Options{})
		require.NoError(t, err, prefix)
		assert.Equal(t, nn.Hash(from), nn.Hash(to), prefix)
		assert.Equal(t, &Loaded{Scheme: "torchvision", Prefix: prefix, LeftOut: []string{heads[1], heads[0], heads[2]},
			Meta: map[string]string{"epoch": "3"}}, l)
	}
}

func TestLoadEncoderLeavesOtherPartsOut(t *testing.T) {
	from := narrow(t, "resnet50", 1)
	path := foreign(t, from, behind("module.encoder_q."), "module.queue", "module.encoder_k.conv1.weight",
		"module.encoder_q.fc.0.bias")
	to := narrow(t, "resnet50", 2)
	l, err := LoadEncoder(path, to, Options{})
	require.NoError(t, err)
	assert.Equal(t, nn.Hash(from), nn.Hash(to))
	assert.Equal(t, "took the names behind module.encoder_q.; left out 3 tensors: "+
		"module.encoder_k.conv1.weight, module.encoder_q.fc.0.bias, module.queue", l.Note())
}

// Two complete encoders are never chosen from in silence.
func TestLoadEncoderAsksWhich(t *testing.T) {
	student, teacher, bare := narrow(t, "resnet18", 1), narrow(t, "resnet18", 2), narrow(t, "resnet18", 3)
	var all []*nn.Param
	for prefix, params := range map[string][]*nn.Param{"student.backbone.": student, "teacher.backbone.": teacher,
		"": bare} {
		for _, p := range params {
			q := *p
			q.Name = prefix + p.Name
			all = append(all, &q)
		}
	}
	path := foreign(t, all, behind(""))
	to := narrow(t, "resnet18", 4)
	before := nn.Hash(to)
	_, err := LoadEncoder(path, to, Options{})
	assert.EqualError(t, err,
		path+`: holds 3 encoders, behind the prefixes "", "student.backbone.", "teacher.backbone.": choose one ("." is none)`)
	assert.Equal(t, before, nn.Hash(to))
	for prefix, want := range map[string][]*nn.Param{"student.backbone.": student, "teacher.backbone": teacher} {
		_, err := LoadEncoder(path, to, Options{Prefix: prefix})
		require.NoError(t, err)
		assert.Equal(t, nn.Hash(want), nn.Hash(to), prefix)
	}
	// With the names as they are, the other two are unknown tensors.
	_, err = LoadEncoder(path, to, Options{Prefix: NoPrefix})
	assert.ErrorContains(t, err, "unknown: student.backbone.bn1.bias, found shape [2]")
	_, err = LoadEncoder(path, to, Options{Prefix: "model"})
	assert.ErrorContains(t, err, "missing: model.conv1.weight, expected shape [2 3 3 3]")
}

func TestLoadEncoderCountsEveryDifference(t *testing.T) {
	path := foreign(t, narrow(t, "resnet34", 1), behind("module."))
	to := narrow(t, "resnet18", 2)
	before := nn.Hash(to)
	_, err := LoadEncoder(path, to, Options{})
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	assert.Equal(t, path+": the weights are not those of this network:", lines[0])
	// 16 blocks instead of 8, two convolutions and norms each: 8 blocks too many,
	// of 2 weights, 8 of norms and 2 counters. Three are named.
	assert.Equal(t, []string{
		"  unknown: module.layer1.2.bn1.bias, found shape [2]",
		"  unknown: module.layer1.2.bn1.num_batches_tracked, found shape []",
		"  unknown: module.layer1.2.bn1.running_mean, found shape [2]",
		fmt.Sprintf("  and %d more: 0 missing, 0 wrong and %d unknown in all", 8*(2+8+2)-3, 8*(2+8+2)),
		"  --ignore PATTERN leaves tensors out, --rename FROM=TO gives them other names"}, lines[1:])
	assert.Equal(t, before, nn.Hash(to))

	_, err = LoadEncoder(foreign(t, narrow(t, "resnet18", 1), behind("")), narrow(t, "resnet34", 2), Options{})
	assert.ErrorContains(t, err, "\n  missing: layer1.2.conv1.weight, expected shape [2 2 3 3]\n")
	assert.ErrorContains(t, err, fmt.Sprintf(": %d missing, 0 wrong and 0 unknown in all", 8*(2+8)))
	stem, err := nn.NewEncoder("resnet18", nn.EncoderOptions{Width: 1. / 32, Stem: nn.StemImageNet}, 1)
	require.NoError(t, err)
	_, err = LoadEncoder(foreign(t, stem.Params(), behind("")), to, Options{})
	require.ErrorContains(t, err, "network:\n  wrong: conv1.weight, found shape [2 3 7 7], expected [2 3 3 3]")
	assert.Len(t, strings.Split(err.Error(), "\n"), 2)
	_, err = LoadEncoder(foreign(t, to, behind(""), "layer5.0.conv1.weight"), to, Options{})
	assert.ErrorContains(t, err, "network:\n  unknown: layer5.0.conv1.weight, found shape [2]")
}

// The names of the paper's released ResNet-9, with its classifier.
func TestLoadEncoderOfTheReleasedCode(t *testing.T) {
	from := narrow(t, "resnet9", 1)
	released := map[string]string{
		"conv1": "prep.conv", "bn1": "prep.batch", "conv2_0": "layer1_head.conv", "bn2_0": "layer1_head.batch",
		"conv2_1": "layer1_residual1.conv", "bn2_1": "layer1_residual1.batch", "conv2_2": "layer1_residual2.conv",
		"bn2_2": "layer1_residual2.batch",
		"conv3": "layer2.conv", "bn3": "layer2.batch", "conv4_0": "layer3_head.conv", "bn4_0": "layer3_head.batch",
		"conv4_1": "layer3_residual1.conv", "bn4_1": "layer3_residual1.batch", "conv4_2": "layer3_residual2.conv",
		"bn4_2": "layer3_residual2.batch",
	}
	for _, prefix := range []string{"", "encoder."} {
		path := foreign(t, from, func(name string) string {
			layer, leaf, _ := strings.Cut(name, ".")
			return prefix + released[layer] + "." + leaf
		}, prefix+"classifier.2.weight")
		to := narrow(t, "resnet9", 2)
		l, err := LoadEncoder(path, to, Options{})
		require.NoError(t, err)
		assert.Equal(t, nn.Hash(from), nn.Hash(to))
		assert.Contains(t, l.Note(), "names of the released ResNet-9; left out 1 tensors: "+prefix+"classifier.2.weight")
	}
	l, err := LoadEncoder(foreign(t, from, behind("")), from, Options{})
	require.NoError(t, err)
	assert.Empty(t, l.Note())
}

func TestLoadEncoderRefusesNaN(t *testing.T) {
	from, to := narrow(t, "resnet18", 1), narrow(t, "resnet18", 2)
	before := nn.Hash(to)
	from[3].Value.Data()[1] = float32(math.Inf(-1))
	path := foreign(t, from, behind(""))
	_, err := LoadEncoder(path, to, Options{})
	assert.EqualError(t, err, fmt.Sprintf("%s: tensor %q: value 1 is -Inf, expected finite numbers", path, from[3].Name))
	assert.Equal(t, before, nn.Hash(to))
}

func TestLoadEncoderRefusesCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.safetensors")
	require.NoError(t, Write(path, []nn.NamedTensor{{Name: "a", Value: tensor.New(1)}}, nil))
	_, err := LoadEncoder(path, nil, Options{})
	assert.EqualError(t, err, path+": holds the state of a checkpoint, expected weights")
}
