package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/tensor"
)

// foreignEncoder writes the weights of an encoder as another program would, and views
// with the features that it makes of them, channels before height and width or behind.
func foreignEncoder(t *testing.T, dir, name string, o nn.EncoderOptions, nchw bool) (file, check string) {
	t.Helper()
	o.Width, o.InH, o.InW = 1./16, 16, 16
	enc, err := nn.NewEncoder(name, o, 7)
	require.NoError(t, err)
	file, check = filepath.Join(dir, name+".safetensors"), filepath.Join(dir, name+".npz")
	require.NoError(t, weights.Save(file, enc.Params(), nil))
	const n = 20
	shape := []int{n, 16, 16, 3}
	x := tensor.FromSlice(testutil.Uniform("check", n*16*16*3), shape...)
	e, err := tensor.NewEngine(tensor.Options{})
	require.NoError(t, err)
	defer e.Close()
	tape := e.NewTape(tensor.Inference)
	y := enc.Forward(&nn.Context{Tape: tape}, x)
	views := x.Data()
	if nchw {
		shape = []int{n, 3, 16, 16}
		views = make([]float32, x.Len())
		for i, v := range x.Data() {
			at, c := i/3, i%3
			views[(at/256*3+c)*256+at%256] = v
		}
	}
	require.NoError(t, npz.Create(check, func(w *npz.Writer) error {
		for _, a := range []struct {
			name  string
			shape []int
			v     []float32
		}{{"views", shape, views}, {"features", []int{n, enc.OutDim(), 1, 1}, y.Data()}} {
			into, err := w.Array(a.name, npz.Float32, a.shape...)
			require.NoError(t, err)
			require.NoError(t, npz.Append(into, a.v))
			require.NoError(t, into.Close())
		}
		return nil
	}))
	tape.Release()
	return file, check
}

// Networks of the same shapes and another geometry are refused where features are given,
// with the geometry that they have.
func TestCheckProvesOrRefuses(t *testing.T) {
	tmp := t.TempDir()
	two := 2
	for _, c := range []struct {
		name, why string
		g         nn.Geometry
		set       []string
	}{
		{"resnet18", "with --set encoder.stem_padding=2 it is", nn.Geometry{StemPad: &two}, []string{"--set",
			"encoder.stem_padding=2"}},
		{"resnet34", "with --set encoder.stem_padding=2 --set encoder.stem_pool=max it is",
			nn.Geometry{StemPad: &two, StemPool: nn.StemPoolMax},
			[]string{"--set", "encoder.stem_padding=2", "--set", "encoder.stem_pool=max"}},
		{"vit_small_patch4", "with --set encoder.heads=12 it is", nn.Geometry{Heads: 12}, []string{"--set",
			"encoder.heads=12"}},
	} {
		file, check := foreignEncoder(t, tmp, c.name, nn.EncoderOptions{Geometry: c.g}, c.name == "resnet34")
		args := []string{"units", "--encoder", c.name, "--width", "0.0625", "--weights", file, "--data",
			"synthetic", "--set", "data.synthetic.size=16",
			"--points", "6", "--views", "2", "--out", filepath.Join(tmp, c.name)}
		code, _, stderr := locimem(append(args, "--check", check)...)
		assert.Equal(t, exitFailed, code, stderr)
		assert.Contains(t, stderr, "of their root mean square, expected at most 0.0001; "+c.why)
		assert.Contains(t, stderr, "assumed: "+file)
		code, _, stderr = locimem(append(append(args, "--check", check), c.set...)...)
		assert.Equal(t, exitDone, code, stderr)
		assert.Contains(t, stderr, "at most 0.0001: loaded as it was")
		code, _, stderr = locimem(append(append(args, "--check", check, "--force", "--tolerance", "0"), c.set...)...)
		assert.Equal(t, exitUsage, code, stderr)
		code, _, stderr = locimem(append(args, "--force", "--check", filepath.Join(tmp, "nothing.npz"))...)
		assert.Equal(t, exitFailed, code, stderr)
	}
	// Of two encoders each has its own, and views must be as the encoder takes them.
	file, check := foreignEncoder(t, tmp, "resnet18", nn.EncoderOptions{}, false)
	args := []string{"score", "--f", file, "--g", file, "--encoder", "resnet18", "--width", "0.0625", "--data",
		"synthetic", "--set", "data.synthetic.size=16",
		"--set", "data.synthetic.train=12", "--set", "score.resamples=99", "--set", "score.units=false",
		"--candidate", "0-3", "--independent", "4-7", "--views", "2", "--out", filepath.Join(tmp, "score")}
	code, _, stderr := locimem(append(args, "--check", check)...)
	assert.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stderr, "is not checked: a second --check FILE is that of g")
	code, _, stderr = locimem(append(args, "--force", "--check", check, "--check", filepath.Join(tmp,
		"vit_small_patch4.npz"))...)
	assert.Equal(t, exitFailed, code, stderr)
	assert.Contains(t, stderr, `array "features": found shape [20 24], expected 20 x 32`)
	code, _, stderr = locimem(append(args, "--force", "--check", check, "--check", check, "--check", check)...)
	assert.Equal(t, exitUsage, code, stderr)
	code, _, stderr = locimem(append(args, "--force", "--check", check, "--set", "data.synthetic.size=24")...)
	assert.Equal(t, exitFailed, code, stderr)
	assert.Contains(t, stderr,
		`array "views": found shape [20 16 16 3], expected views x 24 x 24 x 3 or views x 3 x 24 x 24`)
}

// Weights written here load by what they say of themselves, and units of a vision
// transformer are ranked by |activation| unless told otherwise.
func TestWeightsWrittenHereSayWhatTheyAre(t *testing.T) {
	tmp := t.TempDir()
	code, _, stderr := locimem("run", writeFile(t, tiny, tmp, "tiny.yaml"), "--out", filepath.Join(tmp, "runs"),
		"--set", "train.epochs=1",
		"--set", "encoder.name=vit_small_patch8", "--set", "encoder.width=0.03125", "--set", "encoder.heads=12",
		"--set", "encoder.layer_scale=0.5",
		"--set", "augment.mean=[0.1, 0.2, 0.3]", "--set", "augment.std=[0.9, 0.8, 0.7]")
	require.Equal(t, exitDone, code, stderr)
	f := filepath.Join(runDir(t, filepath.Join(tmp, "runs")), "f.safetensors")
	meta, err := weights.Meta(f)
	require.NoError(t, err)
	for key, want := range map[string]string{"encoder.name": "vit_small_patch8", "encoder.width": "0.03125",
		"encoder.heads": "12", "encoder.layer_scale": "0.5",
		"encoder.pool": "token", "encoder.norm_eps": "1e-06", "image.height": "16", "image.channels": "3"} {
		assert.Equal(t, want, meta[key], key)
	}
	out := filepath.Join(tmp, "units")
	args := []string{"units", "--weights", f, "--data", "synthetic", "--points", "12", "--views", "2", "--out", out}
	code, stdout, stderr := locimem(args...)
	require.Equal(t, exitDone, code, stderr)
	assert.NotContains(t, stderr, "assumed")
	assert.NotContains(t, stderr, "warning")
	assert.Contains(t, stdout, "by UnitMem of |activation|")
	var report run.UnitReport
	require.NoError(t, json.Unmarshal([]byte(readFile(t, out, "units.json")), &report))
	assert.Equal(t, "mean-absolute", report.Estimator)
	assert.Zero(t, report.Unbounded)
	code, stdout, stderr = locimem(append(args, "--force", "--no-absolute", "--set", "encoder.heads=6")...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stderr, "warning: "+f+" says encoder.heads=12, found 6")
	assert.Contains(t, stdout, "are not ranked")
	require.NoError(t, json.Unmarshal([]byte(readFile(t, out, "units.json")), &report))
	assert.Equal(t, "mean", report.Estimator)
	assert.NotZero(t, report.Unbounded)
	code, _, stderr = locimem(append(args, "--force", "--set", "augment.mean=[0.5, 0.5, 0.5]")...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stderr, "says augment.mean=[0.1, 0.2, 0.3], found [0.5, 0.5, 0.5]")

	bare, _ := foreignEncoder(t, tmp, "resnet18", nn.EncoderOptions{}, false)
	code, _, stderr = locimem("units", "--weights", bare, "--data", "synthetic", "--out", filepath.Join(tmp, "none"))
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "does not say of which encoder it is: --encoder NAME is needed")
}
