package tensor_test

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// A tape records what is computed and then runs it backwards: the gradient of the loss
// for every tensor that asked for one.
func Example() {
	e, err := tensor.NewEngine(tensor.Options{})
	if err != nil {
		panic(err)
	}
	defer e.Close()

	x := tensor.FromSlice([]float32{1, 2, 3, 4}, 2, 2)            // two samples, [N,D]
	w := tensor.FromSlice([]float32{0.5, -1}, 1, 2).RequireGrad() // one output, [out,in]
	b := tensor.FromSlice([]float32{0.25}, 1).RequireGrad()       // its bias
	target := tensor.FromSlice([]float32{0, 1}, 2, 1)             // [N,out]

	tape := e.NewTape(tensor.Training)
	loss := tape.MSE(tape.Linear(x, w, b), target)
	tape.Backward(loss)
	fmt.Println("loss", loss.Item())
	fmt.Println("dloss/dw", w.Grad().Data())
	fmt.Println("dloss/db", b.Grad().Data())
	tape.Release() // the buffers of this step go back to the arena

	// By hand: outputs are -1.25 and -2.25, minus the targets -1.25 and -3.25, and the
	// gradient of the mean of squares is that difference times the inputs.

	// Output:
	// loss 6.0625
	// dloss/dw [-11 -15.5]
	// dloss/db [-4.5]
}
