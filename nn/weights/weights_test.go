package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const peer = "testdata/torch.safetensors"

// ramp is make_safetensors.py's function of that name.
func ramp(shape ...int) *tensor.Tensor {
	t := tensor.New(shape...)
	for i := range t.Len() {
		t.Data()[i] = float32(i)/4 - 1
	}
	return t
}

func param(name string, shape ...int) *nn.Param {
	return &nn.Param{Name: name, Value: tensor.New(shape...)}
}

// ofPeer are the parameters of the network in make_safetensors.py, HWIO.
func ofPeer() []*nn.Param {
	return []*nn.Param{
		param("conv1.weight", 2, 1, 3, 2), param("conv1.bias", 2),
		param("bn1.weight", 2), param("bn1.bias", 2), param("bn1.running_mean", 2), param("bn1.running_var", 2),
		param("fc.weight", 3, 2), param("fc.bias", 3),
		param("half.special", 10), param("bfloat.special", 10),
		param("scalar"), param("empty", 0, 3), param(`quoted "ü" \`, 1),
	}
}

func TestLoadFromPyTorch(t *testing.T) {
	params := ofPeer()
	require.NoError(t, Load(peer, params))
	for _, p := range params {
		switch {
		case strings.HasSuffix(p.Name, ".special"):
		case p.Name == "conv1.weight":
			for o := range 2 {
				for i := range 3 {
					for h := range 2 {
						assert.Equal(t, float32((o*3+i)*2+h)/4-1, p.Value.Data()[(h*3+i)*2+o])
					}
				}
			}
		default:
			assert.Equal(t, ramp(p.Value.Shape()...).Data(), p.Value.Data(), p.Name)
		}
	}
	third := float64(float32(1) / 3)
	round := func(v float64, bits int) float64 { // to that many bits behind the leading one, for 1/3
		s := math.Ldexp(1, bits+2)
		return math.RoundToEven(v*s) / s
	}
	inf := math.Inf(1)
	for name, want := range map[string][]float64{
		"half.special":   {0, 0, 65504, 0x1p-24, 0x3p-20, -0x1p-14, round(third, 10), inf, -inf, math.NaN()},
		"bfloat.special": {0, 0, 65536, 0x1p-24, 0x3p-20, -0x1p-14, round(third, 7), inf, -inf, math.NaN()},
	} {
		v := params[slices.IndexFunc(params, func(p *nn.Param) bool { return p.Name == name })].Value.Data()
		for i, w := range want {
			if math.IsNaN(w) {
				assert.True(t, math.IsNaN(float64(v[i])), name)
				continue
			}
			assert.Equal(t, w, float64(v[i]), "%s[%d]", name, i)
		}
		assert.True(t, math.Signbit(float64(v[1])), "%s: -0", name)
	}
}

func TestOpenReadsOneByOne(t *testing.T) {
	f, err := Open(peer)
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, map[string]string{"epoch": "3", "note": `ü "quoted"`}, f.Meta())
	assert.Len(t, f.Names(), 14)
	assert.True(t, slices.IsSorted(f.Names()))
	assert.Equal(t, []int{2, 3, 2, 1}, f.Shape("conv1.weight"))
	w, err := f.Tensor("conv1.weight")
	require.NoError(t, err)
	assert.Equal(t, ramp(2, 3, 2, 1), w, "as it is in the file")
	_, err = f.Tensor("conv2.weight")
	assert.EqualError(t, err, peer+`: tensor "conv2.weight": not in the file`)
	_, err = f.Tensor("bn1.num_batches_tracked")
	assert.EqualError(t, err, peer+`: tensor "bn1.num_batches_tracked": type I64, expected F32, F64, F16 or BF16`)
	_, _, err = Read(peer)
	assert.ErrorContains(t, err, "num_batches_tracked")
}

func TestLoadListsEveryDifference(t *testing.T) {
	params := ofPeer()
	params[0] = param("conv1.weight", 1, 2, 3, 2)
	params[1] = param("conv1.offset", 2)
	params[6] = param("fc.weight", 2, 3)
	params[7] = param("bn1.num_batches_tracked")
	err := Load(peer, params)
	assert.EqualError(t, err, peer+`: the weights are not those of this network:
  wrong: conv1.weight, found shape [2 3 2 1], expected [2 3 1 2]
  missing: conv1.offset, expected shape [2]
  wrong: fc.weight, found shape [3 2], expected [2 3]
  wrong: bn1.num_batches_tracked, found type I64, expected F32, F64, F16 or BF16
  unknown: conv1.bias, found shape [2]
  unknown: fc.bias, found shape [3]`)
	for _, p := range params {
		assert.Equal(t, tensor.New(p.Value.Shape()...).Data(), p.Value.Data(), "%s: nothing may change on an error", p.Name)
	}
	// A counter is skipped only for a layer that there is.
	err = Load(peer, slices.DeleteFunc(ofPeer(), func(p *nn.Param) bool { return p.Name == "bn1.running_mean" }))
	assert.ErrorContains(t, err,
		"unknown: bn1.num_batches_tracked, found shape []\n  unknown: bn1.running_mean, found shape [2]")
	assert.ErrorIs(t, Load(filepath.Join(t.TempDir(), "none"), params), os.ErrNotExist)
	assert.ErrorContains(t, Load(t.TempDir(), params), "not a regular file")
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.safetensors")
	make := func(seed uint64) []*nn.Param {
		enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: 0.2}, seed)
		require.NoError(t, err)
		return enc.Params()
	}
	a, b := make(1), make(2)
	a[4].Value.Data()[0] = float32(math.Copysign(0, -1)) // a buffer
	meta := map[string]string{"encoder": "resnet9", "note": "<ü> \"\n"}
	require.NoError(t, Save(path, a, meta))
	require.NoError(t, Load(path, b))
	assert.Equal(t, nn.Hash(a), nn.Hash(b))

	// The file has PyTorch's layout and nothing else, and equal content gives
	// equal bytes in whatever order it comes.
	tensors, got, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, meta, got)
	assert.Len(t, tensors, len(a))
	assert.Equal(t, []int{6, 3, 3, 3}, tensors["conv1.weight"].Shape())
	assert.Equal(t, a[0].Value.Data(), FromOIHW(tensors["conv1.weight"]).Data())
	assert.Equal(t, tensors["conv1.weight"], ToOIHW(a[0].Value))
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	slices.Reverse(a)
	require.NoError(t, Save(path, a, meta))
	second, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Zero(t, binary.LittleEndian.Uint64(first)%8)
}

func TestLayoutsOfConvolutions(t *testing.T) {
	w := ramp(2, 3, 4, 5) // HWIO
	p := ToOIHW(w)
	assert.Equal(t, []int{5, 4, 2, 3}, p.Shape())
	for h := range 2 {
		for x := range 3 {
			for i := range 4 {
				for o := range 5 {
					assert.Equal(t, w.Data()[((h*3+x)*4+i)*5+o], p.Data()[((o*4+i)*2+h)*3+x])
				}
			}
		}
	}
	assert.Equal(t, w, FromOIHW(p))
	assert.Panics(t, func() { ToOIHW(ramp(2, 3)) })
	assert.Panics(t, func() { FromOIHW(ramp(2, 3, 4)) })
}

func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	in := []nn.NamedTensor{
		{Name: "z", Value: ramp(2, 3, 4, 5)}, // stays as it is
		{Name: "a", Value: ramp()}, {Name: "m", Value: ramp(0)},
		{Name: "big", Value: ramp(3, 1<<14+1)},
	}
	require.NoError(t, Write(path, in, map[string]string{"step": "17"}))
	out, meta, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"step": "17"}, meta)
	assert.Len(t, out, len(in))
	for _, n := range in {
		assert.True(t, slices.Equal(n.Value.Shape(), out[n.Name].Shape()), n.Name)
		assert.Equal(t, n.Value.Data(), out[n.Name].Data(), n.Name)
	}
	assert.EqualError(t, Load(path, []*nn.Param{param("z", 2, 3, 4, 5)}),
		path+": holds the state of a checkpoint, expected weights")

	require.NoError(t, Write(path, nil, nil))
	out, meta, err = Read(path)
	require.NoError(t, err)
	assert.Empty(t, out)
	assert.Empty(t, meta)
}

func TestWriteRefusesAndLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.safetensors")
	require.NoError(t, Write(path, []nn.NamedTensor{{Name: "a", Value: ramp(2)}}, nil))
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	x := ramp(2)
	for want, c := range map[string]struct {
		tensors []nn.NamedTensor
		meta    map[string]string
	}{
		`tensor "a" is given twice`: {[]nn.NamedTensor{{Name: "a", Value: x}, {Name: "b", Value: x},
			{Name: "a", Value: x}}, nil},
		`tensor "": not a possible name`:                 {[]nn.NamedTensor{{Name: "", Value: x}}, nil},
		`tensor "__metadata__": not a possible name`:     {[]nn.NamedTensor{{Name: "__metadata__", Value: x}}, nil},
		`tensor "\xff": not a possible name`:             {[]nn.NamedTensor{{Name: "\xff", Value: x}}, nil},
		`metadata: the key "locimem.kind" is reserved`:   {nil, map[string]string{"locimem.kind": "x"}},
		`metadata: "k": "\xff" is not UTF-8`:             {nil, map[string]string{"k": "\xff"}},
		`metadata: the key "locimem.sha256" is reserved`: {nil, map[string]string{"locimem.sha256": "x"}},
	} {
		assert.EqualError(t, Write(path, c.tensors, c.meta), path+": "+want)
	}
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, old, now)
	err = Write(filepath.Join(dir, "none", "w.safetensors"), nil, nil)
	assert.ErrorIs(t, err, os.ErrNotExist)
	left, _ := os.ReadDir(dir)
	assert.Len(t, left, 1)
}

// Any damaged byte of a file by this package is found, and a truncated or longer
// one too.
func TestDamageIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, Write(path, []nn.NamedTensor{{Name: "a", Value: ramp(5)}, {Name: "b", Value: ramp(2, 2)}},
		map[string]string{"step": "17"}))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = parseBytes(whole)
	require.NoError(t, err)
	check := func(data []byte, what string, args ...any) {
		t.Helper()
		_, err := parseBytes(data)
		assert.Errorf(t, err, what, args...)
	}
	for i := range whole {
		for _, flip := range []byte{1, 0x20, 0x80} {
			bad := slices.Clone(whole)
			bad[i] ^= flip
			check(bad, "byte %d", i)
		}
	}
	for n := range whole {
		check(whole[:n], "%d bytes", n)
	}
	check(append(slices.Clone(whole), 0), "longer")

	bad := slices.Clone(whole)
	bad[len(bad)-1] ^= 1
	require.NoError(t, os.WriteFile(path, bad, 0o644))
	_, _, err = Read(path)
	assert.ErrorContains(t, err, path+": checksum ")
	assert.ErrorContains(t, err, "the file is damaged")
}

// Writing goes through a small buffer, not through copies of the tensors.
func TestWritingHoldsNoCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	p := []*nn.Param{{Name: "w", Value: tensor.New(3, 3, 512, 512)}} // 9 MiB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, Save(path, p, nil))
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestValuesTooLargeForFloat32(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	header := `{"a":{"dtype":"F64","shape":[3],"data_offsets":[0,24]}}`
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	data = append(data, header...)
	for _, v := range []float64{math.Inf(1), 1.5, -1e300} {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	require.NoError(t, os.WriteFile(path, data, 0o644))
	_, _, err := Read(path)
	assert.EqualError(t, err, path+`: tensor "a": value 2 is too large for float32`)
}

// What this package writes is what the format says, read with nothing but the
// standard library.
func TestBytesAreTheFormats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, Save(path, []*nn.Param{{Name: "w", Value: ramp(1, 2, 1, 2)}, {Name: "b", Value: ramp(1)}},
		map[string]string{"k": "v"}))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	n := binary.LittleEndian.Uint64(data)
	var header map[string]map[string]any
	require.NoError(t, json.Unmarshal(data[8:8+n], &header))
	assert.Equal(t, "v", header["__metadata__"]["k"])
	delete(header, "__metadata__")
	assert.Equal(t, map[string]map[string]any{
		"b": {"dtype": "F32", "shape": []any{1.0}, "data_offsets": []any{0.0, 4.0}},
		"w": {"dtype": "F32", "shape": []any{2.0, 1.0, 1.0, 2.0}, "data_offsets": []any{4.0, 20.0}},
	}, header)
	want := ""
	for _, v := range []float32{-1, -1, -0.5, -0.75, -0.25} { // b, then w by output channel
		want += fmt.Sprintf("%x ", binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
	}
	got := ""
	for v := range slices.Chunk(data[8+n:], 4) {
		got += fmt.Sprintf("%x ", v)
	}
	assert.Equal(t, want, got)
}
