package nn

import (
	"fmt"
	"strconv"
)

// NewProjector returns the head that a method trains on top of an encoder and
// throws away after (Chen et al. 2020): Linear layers with ReLU between,
// optionally batch norm before each ReLU. dims are the sizes from the input to
// the output: 256, 256, 64 is a projector with 256 hidden and 64 output units on
// 256 features. The layers are name.fc1, name.bn1, name.relu1, name.fc2, ...
// It panics if there are fewer than two sizes or one is not positive.
func NewProjector(name string, dims []int, bn bool, seed uint64) Layer {
	ok := len(dims) >= 2
	for _, d := range dims {
		ok = ok && d > 0
	}
	if !ok {
		panic(fmt.Sprintf("nn: projector %s of sizes %v, expected two or more positive ones", name, dims))
	}
	var s Sequential
	last := len(dims) - 1
	for i := 1; i <= last; i++ {
		id := strconv.Itoa(i)
		s = append(s, NewLinear(name+".fc"+id, dims[i-1], dims[i], seed))
		switch relu := name + ".relu" + id; {
		case i == last:
		case bn:
			s = append(s, NewBNReLU(name+".bn"+id, relu, dims[i]))
		default:
			s = append(s, &ReLU{relu})
		}
	}
	return s
}
