package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/filelock"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
)

// RunDir is the directory of one run:
//
//	recipe.yaml          the whole recipe
//	split.json           which image is in which set, with hashes
//	log.jsonl            an object for each epoch of f and g
//	checkpoint/          to go on from after a stop
//	f.safetensors        the trained encoders, without projectors
//	g.safetensors
//	f-ema.safetensors    averages of their weights, with train.weights_ema
//	g-ema.safetensors
//	epochs/              f-0020.safetensors, ...: encoders on the way, with train.keep_every
//	scores/              layermem.csv, delta.csv, unitmem.csv, ..., scores.json, made.json
//	figures/             SVG and PNG
//	report.html          all of it, to read in a browser
//	lock                 held while a process works here
type RunDir struct {
	path string
	lock *filelock.Lock
}

// OpenRunDir makes the directory if need be and takes its lock. A directory that
// holds the run of another recipe is refused.
func OpenRunDir(path string, r *recipe.Recipe) (*RunDir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("making the run directory: %w", err)
	}
	lock, err := filelock.Acquire(filepath.Join(path, "lock"))
	if err != nil {
		if errors.Is(err, filelock.ErrHeld) {
			return nil, fmt.Errorf("the run directory %s is %w; wait for it, or choose another place with --out", path,
				filelock.ErrHeld)
		}
		return nil, fmt.Errorf("the run directory: %w", err)
	}
	d := &RunDir{path: path, lock: lock}
	d.tidy()
	if err := d.claim(r); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// tidy removes the temporary files of a process that was killed while it wrote;
// the lock says that nobody else is writing. What cannot be removed only takes
// room.
func (d *RunDir) tidy() {
	for _, sub := range []string{"", "checkpoint", "epochs", "scores", "figures"} {
		entries, err := os.ReadDir(d.Path(sub))
		if err != nil {
			continue // not there yet
		}
		for _, e := range entries {
			if n := e.Name(); strings.HasPrefix(n, ".") && (strings.Contains(n, ".tmp") || strings.HasPrefix(n, ".probe")) {
				_ = os.Remove(d.Path(sub, n))
			}
		}
	}
}

// Close gives the lock back.
func (d *RunDir) Close() error { return d.lock.Release() }

// Path returns the path of something in the directory.
func (d *RunDir) Path(elem ...string) string {
	return filepath.Join(append([]string{d.path}, elem...)...)
}

// Encoder returns the path of encoder F or G.
func (d *RunDir) Encoder(side memorize.Side) string { return d.Path(side.String() + ".safetensors") }

// claim writes the recipe, or checks that the one there is the same.
func (d *RunDir) claim(r *recipe.Recipe) error {
	path := d.Path("recipe.yaml")
	old, err := recipe.LoadStored(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return atomicfile.Write(path, r.Write)
	case err != nil:
		return fmt.Errorf("the run directory has a recipe that cannot be read: %w", err)
	case old.Hash() != r.Hash():
		return fmt.Errorf("%s is the recipe of another run (hash %s, this one has %s): choose another place with --out",
			path, recipe.Short(old.Hash()), recipe.Short(r.Hash()))
	}
	return nil
}

// claimSplit writes the split, or checks that the one there is the same.
func (d *RunDir) claimSplit(s *data.Split) error {
	path := d.Path("split.json")
	old, err := data.ReadSplit(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.Write(path)
	case err != nil:
		return err
	case old.Hash() != s.Hash():
		return fmt.Errorf("%s has other images than the data now gives for the same recipe (hash %s, now %s): the data "+
			"have changed since the run began",
			path, recipe.Short(old.Hash()), recipe.Short(s.Hash()))
	}
	return nil
}

// exists tells whether all of these files are there.
func exists(paths ...string) bool {
	for _, p := range paths {
		if f, err := os.Stat(p); err != nil || f.Size() == 0 {
			return false
		}
	}
	return true
}
