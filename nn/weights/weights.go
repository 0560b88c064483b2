// Package weights reads and writes safetensors files: the weights of networks
// under PyTorch's names and in PyTorch's layouts (Save, Load), encoders of other
// programs (LoadEncoder), and named tensors as they are, for checkpoints (Write,
// Read).
//
// The format (https://github.com/huggingface/safetensors) is 8 bytes of header
// length, a JSON header with names, types, shapes and places, and the values.
// Files written here have their names in order, so equal content gives equal
// bytes, and carry a SHA-256 of the whole file in their metadata, which is
// checked when they are read.
package weights

import (
	"fmt"
	"maps"
	"strings"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Keys of the metadata that this package keeps for itself. Callers neither give
// nor get them.
const (
	checksumKey = "locimem.sha256" // of the file, with these 64 digits as zeros
	kindKey     = "locimem.kind"   // kindWeights or kindState
)

const (
	kindWeights = "weights" // Save: layouts of PyTorch
	kindState   = "state"   // Write: layouts as given
)

// Write stores tensors as they are, with metadata, as F32. The file replaces an
// older one only when it is complete. It fails, leaving the older one, if a name
// is empty, given twice or not UTF-8, or if the file cannot be written.
func Write(path string, tensors []nn.NamedTensor, meta map[string]string) error {
	items := make([]item, len(tensors))
	for i, t := range tensors {
		items[i] = item{name: t.Name, value: t.Value}
	}
	return write(path, items, kindState, meta)
}

// Read returns all tensors of a file as they are, whatever wrote it, and its
// metadata. Values of type F64, F16 and BF16 become float32; another type is an
// error, as is a damaged file.
func Read(path string) (tensors map[string]*tensor.Tensor, meta map[string]string, err error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	tensors = make(map[string]*tensor.Tensor, len(f.entries))
	for _, name := range f.Names() {
		if tensors[name], err = f.Tensor(name); err != nil {
			return nil, nil, err
		}
	}
	return tensors, f.Meta(), nil
}

// Save stores parameters and buffers as PyTorch would, as F32: those of four
// dimensions, the weights of convolutions, go from HWIO to OIHW. Apart from that
// it is like Write.
func Save(path string, params []*nn.Param, meta map[string]string) error {
	items := make([]item, len(params))
	for i, p := range params {
		items[i] = item{name: p.Name, value: p.Value, oihw: p.Value.Rank() == 4}
	}
	return write(path, items, kindWeights, meta)
}

// Load sets params from a file by Save or by PyTorch. Names and shapes must match
// one to one, except that PyTorch's num_batches_tracked counters are skipped. On
// any error params are as they were; if names or shapes differ, or types are not
// floats, the error names some and counts all that do.
func Load(path string, params []*nn.Param) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.meta[kindKey] == kindState {
		return fmt.Errorf("%s: holds the state of a checkpoint, expected weights", path)
	}
	if err := f.match(params); err != nil {
		return err
	}
	return f.set(params, func(i int) []string { return []string{params[i].Name} }, false)
}

// match compares the names, shapes and types of the file with params.
func (f *File) match(params []*nn.Param) error {
	d := differences{path: f.path}
	known := make(map[string]bool, len(params))
	for _, p := range params {
		known[p.Name] = true
		d.compare(f, []string{p.Name}, p)
	}
	for _, name := range f.Names() {
		layer, counter := strings.CutSuffix(name, ".num_batches_tracked")
		if !known[name] && !(counter && known[layer+".running_mean"]) {
			d.unknown(f, name)
		}
	}
	return d.err()
}

// FromOIHW returns a convolution's weight [Cout,Cin,KH,KW], PyTorch's layout, as
// HWIO [KH,KW,Cin,Cout].
func FromOIHW(w *tensor.Tensor) *tensor.Tensor {
	o, i, h, wd := dims4("FromOIHW", w)
	t := tensor.New(h, wd, i, o)
	src, dst := w.Data(), t.Data()
	n := 0
	hwio(h, wd, i, o, func(at int) {
		dst[at] = src[n]
		n++
	})
	return t
}

// ToOIHW returns a convolution's weight HWIO [KH,KW,Cin,Cout] as [Cout,Cin,KH,KW],
// PyTorch's layout.
func ToOIHW(w *tensor.Tensor) *tensor.Tensor {
	h, wd, i, o := dims4("ToOIHW", w)
	t := tensor.New(o, i, h, wd)
	src, dst := w.Data(), t.Data()
	n := 0
	hwio(h, wd, i, o, func(at int) {
		dst[n] = src[at]
		n++
	})
	return t
}

// hwio visits the places of an HWIO array in the order of OIHW.
func hwio(h, w, i, o int, visit func(at int)) {
	for oo := range o {
		for ii := range i {
			for t := range h * w {
				visit((t*i+ii)*o + oo)
			}
		}
	}
}

func dims4(op string, w *tensor.Tensor) (a, b, c, d int) {
	s := w.Shape()
	if len(s) != 4 {
		panic(fmt.Sprintf("weights: %s of shape %v, expected 4 dimensions", op, s))
	}
	return s[0], s[1], s[2], s[3]
}

// Meta returns the metadata, without what this package keeps for itself.
func (f *File) Meta() map[string]string {
	m := maps.Clone(f.meta)
	delete(m, checksumKey)
	delete(m, kindKey)
	return m
}
