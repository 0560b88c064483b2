package run

import (
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/tensor"
)

// newEngine starts an engine that computes as the recipe says, on that many
// threads (0: all).
func newEngine(r *recipe.Recipe, threads int) (*tensor.Engine, error) {
	return tensor.NewEngine(tensor.Options{Threads: threads, Precision: r.Train.Precision, Winograd: r.WinogradTile()})
}
