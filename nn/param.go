package nn

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/tensor"
)

// Param is one named array of a module: a trained weight, or running
// statistics that are saved with the weights but never trained.
type Param struct {
	// Name is the full PyTorch-style name, for instance "conv1.weight" or
	// "bn1.running_mean".
	Name string
	// Value has the layout of memory: a convolution's weight is HWIO
	// [KH,KW,Cin,Cout], a linear layer's is [out,in].
	Value *tensor.Tensor
	// Buffer marks running statistics: saved, not trained.
	Buffer bool
	// NoDecay marks biases and the scales and shifts of norms, which
	// optimisers leave out of weight decay unless told otherwise.
	NoDecay bool
}

// NamedTensor is a tensor under a name, as checkpoints store them.
type NamedTensor struct {
	Name  string
	Value *tensor.Tensor
}

// Trained returns the parameters that are not buffers, in the given order.
func Trained(params []*Param) []*Param {
	out := make([]*Param, 0, len(params))
	for _, p := range params {
		if !p.Buffer {
			out = append(out, p)
		}
	}
	return out
}

// Count returns the number of trained values: buffers do not count.
func Count(params []*Param) int {
	n := 0
	for _, p := range Trained(params) {
		n += p.Value.Len()
	}
	return n
}

// Clone returns copies that share no memory with params.
func Clone(params []*Param) []*Param {
	out := make([]*Param, len(params))
	for i, p := range params {
		c := *p
		c.Value = tensor.New(p.Value.Shape()...)
		c.Value.CopyFrom(p.Value.Data())
		if !p.Buffer {
			c.Value.RequireGrad()
		}
		out[i] = &c
	}
	return out
}

// Copy copies the values of src into dst. Both must have the same names and
// shapes, in any order; otherwise dst is left as it was and the error lists
// every difference.
func Copy(dst, src []*Param) error {
	named := make([]NamedTensor, len(src))
	for i, p := range src {
		named[i] = NamedTensor{p.Name, p.Value}
	}
	return SetState(dst, named)
}

// State returns the values of params, buffers included, under their names.
// The tensors are the parameters' own, not copies.
func State(params []*Param) []NamedTensor {
	out := make([]NamedTensor, len(params))
	for i, p := range params {
		out[i] = NamedTensor{p.Name, p.Value}
	}
	return out
}

// SetState copies state into params. Names and shapes must agree one to one,
// in any order; otherwise params are left as they were and the error lists
// every name that is missing, unknown, given twice or of another shape.
func SetState(params []*Param, state []NamedTensor) error {
	given := make(map[string]*tensor.Tensor, len(state))
	var wrong []string
	for _, s := range state {
		if given[s.Name] != nil {
			wrong = append(wrong, s.Name+" is given twice")
		}
		given[s.Name] = s.Value
	}
	known := make(map[string]bool, len(params))
	for _, p := range params {
		known[p.Name] = true
		v := given[p.Name]
		switch {
		case v == nil:
			wrong = append(wrong, p.Name+" is missing")
		case !slices.Equal(v.Shape(), p.Value.Shape()):
			wrong = append(wrong, fmt.Sprintf("%s has shape %v, expected %v", p.Name, v.Shape(), p.Value.Shape()))
		}
	}
	for _, s := range state {
		if !known[s.Name] {
			wrong = append(wrong, s.Name+" is unknown")
		}
	}
	if wrong != nil {
		return fmt.Errorf("parameters do not match: %s", strings.Join(wrong, "; "))
	}
	for _, p := range params {
		p.Value.CopyFrom(given[p.Name].Data())
	}
	return nil
}

// Hash returns the SHA-256, in hexadecimal, of the names, shapes and exact bits
// of params (buffers included), in order of names. Equal hashes before and
// after prove that an encoder was frozen.
func Hash(params []*Param) string {
	sorted := slices.Clone(params)
	slices.SortFunc(sorted, func(a, b *Param) int { return strings.Compare(a.Name, b.Name) })
	h := sha256.New()
	buf := make([]byte, 0, 1<<14)
	for _, p := range sorted {
		fmt.Fprintf(h, "%q %v\n", p.Name, p.Value.Shape())
		for chunk := range slices.Chunk(p.Value.Data(), cap(buf)/4) {
			buf = buf[:0]
			for _, v := range chunk {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
			h.Write(buf)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
