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

// TestTorchvision writes ResNets for torchvision to load, strictly, and loads
// torchvision's; both must give the features that torchvision gives. It needs a
// Python with torchvision: $LOCIMEM_PYTHON, or python3.
func TestTorchvision(t *testing.T) {
	python := os.Getenv("LOCIMEM_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import torchvision, safetensors").CombinedOutput(); err != nil {
		t.Skipf("torchvision's side: %s cannot import torchvision and safetensors (set LOCIMEM_PYTHON): %.200s", python, out)
	}
	dir := t.TempDir()
	encoder := func(name, stem string, seed uint64) nn.Encoder {
		enc, err := nn.NewEncoder(name, nn.EncoderOptions{Stem: stem, InH: 40, InW: 33}, seed)
		require.NoError(t, err)
		return enc
	}
	networks := [][2]string{{"resnet18", nn.StemImageNet}, {"resnet34", nn.StemCIFAR}, {"resnet50", nn.StemCIFAR}}
	for _, n := range networks {
		require.NoError(t, Save(filepath.Join(dir, n[0]+"_"+n[1]+".safetensors"), encoder(n[0], n[1], 1).Params(), map[string]string{"encoder": n[0]}))
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
			l, err := LoadEncoder(path+".safetensors", enc.Params(), "")
			require.NoError(t, err)
			if prefix != "" {
				assert.Equal(t, []string{"fc.bias", "fc.weight"}, l.LeftOut)
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
