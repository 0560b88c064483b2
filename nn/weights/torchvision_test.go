package weights

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTorchvision writes ResNets for torchvision and a vision transformer for timm
// to load, strictly, and loads theirs; both must give the features that they give.
// It needs a Python with both: $PYTHON, or python3.
func TestTorchvision(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import torchvision, timm, safetensors").CombinedOutput(); err != nil {
		t.Skipf("torchvision's side: %s cannot import torchvision, timm and safetensors (PYTHON names another one): %.200s",
			python, out)
	}
	dir := t.TempDir()
	const timm = "timm" // in the place of a stem
	encoder := func(name, stem string, seed uint64) nn.Encoder {
		o := nn.EncoderOptions{Stem: stem, InH: 40, InW: 33}
		if stem == timm {
			o.Stem = ""
		}
		enc, err := nn.NewEncoder(name, o, seed)
		require.NoError(t, err)
		return enc
	}
	networks := [][2]string{{"resnet18", nn.StemImageNet}, {"resnet34", nn.StemCIFAR}, {"resnet50", nn.StemCIFAR},
		{"vit_tiny_patch4", timm}}
	for _, n := range networks {
		require.NoError(t, Save(filepath.Join(dir, n[0]+"_"+n[1]+".safetensors"), encoder(n[0], n[1], 1).Params(),
			map[string]string{"encoder": n[0]}))
	}
	out, err := exec.Command(python, "testdata/check_torchvision.py", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)

	e, err := tensor.NewEngine(tensor.Options{})
	require.NoError(t, err)
	defer e.Close()
	x := tensor.New(2, 40, 33, 3)
	for i := range x.Data() {
		x.Data()[i] = float32(math.Sin(float64(float32(i) * 0.7)))
	}
	for _, n := range networks {
		for _, prefix := range []string{"", "theirs_"} {
			path := filepath.Join(dir, prefix+n[0]+"_"+n[1])
			enc := encoder(n[0], n[1], 2)
			l, err := LoadEncoder(path+".safetensors", enc.Params(), Options{})
			require.NoError(t, err)
			if prefix != "" {
				head := "fc"
				if n[1] == timm {
					head = "head"
				}
				assert.Equal(t, []string{head + ".bias", head + ".weight"}, l.LeftOut)
			}
			want, _, err := Read(path + ".features.safetensors")
			require.NoError(t, err)
			tp := e.NewTape(tensor.Inference)
			got := enc.Forward(&nn.Context{Tape: tp}, x)
			assert.LessOrEqual(t, testutil.MaxError(got.Data(), want["features"].Data()), 2e-5, path)
			tp.Release()
		}
	}
}
