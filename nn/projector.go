package nn

// NewProjector returns the head of SimCLR (Chen et al. 2020): Linear layers with
// ReLU between, optionally batch norm before each ReLU. dims are the sizes from
// the input to the output: 256, 256, 64 is a projector with 256 hidden and 64
// output units on 256 features. NewHead says more.
func NewProjector(name string, dims []int, bn bool, seed uint64) Layer {
	return NewHead(name, dims, HeadOptions{BN: bn}, seed)
}
