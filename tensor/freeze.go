package tensor

// Freeze marks a parameter that training has to leave as it is: Backward computes
// no gradient for it, and what there was is dropped. A frozen running mean freezes
// the statistics of its batch norm (BNStats). An optimiser that has the tensor
// would still decay it: leave it out there. It panics for a result of a tape.
func (t *Tensor) Freeze() {
	if t.tape != nil {
		panic("tensor: Freeze of a result of a tape")
	}
	if !t.frozen {
		t.frozen, t.thawed, t.needs, t.grad = true, t.needs, false, nil
	}
}

// Thaw undoes Freeze.
func (t *Tensor) Thaw() {
	if t.frozen {
		t.frozen, t.needs = false, t.thawed
	}
}

// Frozen tells whether the tensor is frozen.
func (t *Tensor) Frozen() bool { return t.frozen }
