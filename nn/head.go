package nn

import (
	"fmt"
	"strconv"
)

// HeadOptions says what stands between and behind the Linear layers of a head.
type HeadOptions struct {
	BN   bool // batch norm behind every hidden layer, before its activation
	GELU bool // between the layers in place of ReLU
	// OutBN is batch norm without weight and bias behind the last layer.
	OutBN bool
}

// NewHead returns what a method trains on top of an encoder and throws away
// after: Linear layers of the sizes dims, from the input to the output, with
// activations between. The layers are name.fc1, name.bn1, name.relu1 (or gelu1),
// name.fc2, ... It panics if there are fewer than two sizes or one is not
// positive.
func NewHead(name string, dims []int, o HeadOptions, seed uint64) Layer {
	ok := len(dims) >= 2
	for _, d := range dims {
		ok = ok && d > 0
	}
	if !ok {
		panic(fmt.Sprintf("nn: head %s of sizes %v, expected two or more positive ones", name, dims))
	}
	var s Sequential
	last := len(dims) - 1
	for i := 1; i <= last; i++ {
		id := strconv.Itoa(i)
		s = append(s, NewLinear(name+".fc"+id, dims[i-1], dims[i], seed))
		switch bn := name + ".bn" + id; {
		case i == last && o.OutBN:
			s = append(s, newBatchNormPlain(bn, dims[i]))
		case i == last:
		case o.GELU && o.BN:
			s = append(s, NewBatchNorm(bn, dims[i]), &GELU{name + ".gelu" + id})
		case o.GELU:
			s = append(s, &GELU{name + ".gelu" + id})
		case o.BN:
			s = append(s, NewBNReLU(bn, name+".relu"+id, dims[i]))
		default:
			s = append(s, &ReLU{name + ".relu" + id})
		}
	}
	return s
}

// NewProjector returns the head of SimCLR (Chen et al. 2020): Linear layers with
// ReLU between, optionally batch norm before each ReLU. dims are the sizes from
// the input to the output: 256, 256, 64 is a projector with 256 hidden and 64
// output units on 256 features. NewHead says more.
func NewProjector(name string, dims []int, bn bool, seed uint64) Layer {
	return NewHead(name, dims, HeadOptions{BN: bn}, seed)
}
