package tensor

import (
	"fmt"
	"slices"
)

// Embedding returns the rows of table [V,C] that ids name, in that order: shape
// [shape...,C], where shape has as many places as there are ids. It panics if an
// id is not in [0,V).
func (tp *Tape) Embedding(table *Tensor, ids []int, shape ...int) *Tensor {
	table.mustRank("Embedding: the table", 2)
	v, c := table.shape[0], table.shape[1]
	if size(shape) != len(ids) {
		panic(fmt.Sprintf("tensor: Embedding of %d ids to shape %v", len(ids), shape))
	}
	for i, id := range ids {
		if id < 0 || id >= v {
			panic(fmt.Sprintf("tensor: Embedding: id %d at place %d, table %v", id, i, table.shape))
		}
	}
	y := tp.result([]*Tensor{table}, append(slices.Clone(shape), c)...)
	tp.e.chunks(len(ids), rowChunk(c), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			copy(y.data[i*c:(i+1)*c], table.data[ids[i]*c:][:c])
		}
	})
	tp.record(y, func() {
		g, holds := tp.gradOf(table)
		if !holds {
			clear(g)
		}
		// Every task goes over all ids and adds those of its own rows, so that
		// each row is added up in the order of the ids.
		const tasks = 16
		tp.e.pool.Run(tasks, func(task, _ int) {
			for i, id := range ids {
				if id%tasks == task {
					tp.e.k.Acc(g[id*c:][:c], y.grad.data[i*c:(i+1)*c])
				}
			}
		})
	})
	return y
}
