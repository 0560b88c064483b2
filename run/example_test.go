package run_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
)

// talk is a run.Reporter that prints messages and draws no bars.
type talk struct{ run.Silent }

func (talk) Printf(format string, args ...any) { log.Printf(format, args...) }

// The main job from a program: the default recipe with some settings changed, very small here.
func Example() {
	runs, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(runs)

	r, err := recipe.Load("", []string{ // "": the default recipe; or the path of a file
		"encoder.width=0.125", "train.epochs=1", "train.batch=16", "knn.test=100",
		"data.synthetic.train=70", "data.synthetic.test=100",
		"split.shared=30", "split.candidate=20", "split.independent=20", "split.external=20",
	})
	if err != nil {
		log.Print(err)
		return
	}
	dir := filepath.Join(runs, r.RunName())
	if _, err := run.RunPair(context.Background(), r, dir, talk{}); err != nil {
		log.Print(err)
		return
	}
	_, err = os.Stat(filepath.Join(dir, "scores", "layermem.csv"))
	fmt.Println(err)
	// Output: <nil>
}
