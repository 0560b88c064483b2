package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/buildinfo"
)

// The files of a step's directory that are not results of its work.
const (
	stepFile   = "step.json"   // what the step is
	resultFile = "result.json" // what it found
	doneFile   = "done.json"   // that it is finished, and how long it took
	lockFile   = "lock"
)

// Store is a folder with a directory for each step.
type Store struct{ dir string }

// NewStore returns the store in a folder, which is created when it is first written to.
func NewStore(dir string) *Store { return &Store{dir} }

// Path returns the path of something in the step's directory.
func (st *Store) Path(s *Step, elem ...string) string {
	return filepath.Join(append([]string{st.dir, s.Name()}, elem...)...)
}

// Done says that a step is finished.
type Done struct {
	Kind  string `json:"kind"`
	Hash  string `json:"hash"`
	Label string `json:"label"`
	// Seconds is the time of all processes that worked on it. Whole is false if one of
	// them was killed: its time is lost.
	Seconds  float64   `json:"seconds"`
	Whole    bool      `json:"whole"`
	Finished time.Time `json:"finished"`
	// Key and Amount are those of the step's Effort.
	Key    string  `json:"key,omitempty"`
	Amount float64 `json:"amount,omitempty"`
	// By is the process that finished it; nil if that is not known.
	By *buildinfo.Here `json:"by,omitempty"`
	// Files are the SHA-256 of the files that it left.
	Files map[string]string `json:"files,omitempty"`
}

// Done returns what is known about a finished step, nil if it is not finished.
func (st *Store) Done(s *Step) (*Done, error) {
	path := st.Path(s, doneFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var d Done
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("%s: %w; remove the file to do the step again", path, err)
	}
	if d.Hash != s.hash {
		return nil, fmt.Errorf("%s: hash: found %.12s, expected %.12s; remove the file to do the step again",
			path, d.Hash, s.hash)
	}
	return &d, nil
}

// Result reads what a finished step found.
func (st *Store) Result(s *Step, v any) error {
	path := st.Path(s, resultFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the result of %s (%s): %w", s.label, s.Name(), err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w; remove the directory to do the step again", path, err)
	}
	return nil
}

// saved is a step as a file.
type saved struct {
	Kind    string          `json:"kind"`
	Version int             `json:"version"`
	Hash    string          `json:"hash"`
	Label   string          `json:"label"`
	Params  json.RawMessage `json:"params"`
	Needs   []string        `json:"needs"` // names of directories
}

// Plan writes down what the steps and all that they need are, so that each can be done by
// its hash alone. What does not count for the hash, such as the place of the data, is
// taken from the last plan until the step is finished.
func (st *Store) Plan(steps []*Step) error {
	for _, s := range Order(steps) {
		params, err := json.Marshal(s.params)
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(st.Path(s, stepFile)); err == nil {
			var f saved
			if d, err := st.Done(s); d != nil && err == nil {
				continue
			}
			if json.Unmarshal(old, &f) == nil && sameJSON(f.Params, params) {
				continue
			}
		}
		if err := os.MkdirAll(st.Path(s), 0o755); err != nil {
			return err
		}
		f := saved{Kind: s.kind.name, Version: s.kind.version, Hash: s.hash, Label: s.label, Params: params}
		for _, n := range s.needs {
			f.Needs = append(f.Needs, n.Name())
		}
		if err := atomicfile.WriteJSON(st.Path(s, stepFile), f); err != nil {
			return err
		}
	}
	return nil
}

// sameJSON says whether two texts are the same except for white space.
func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// Find returns the planned step whose hash or name begins with this text, and all that it
// needs.
func (st *Store) Find(hash string) (*Step, error) {
	entries, err := os.ReadDir(st.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		i := strings.LastIndex(e.Name(), "-")
		if i <= 0 {
			continue
		}
		short := e.Name()[i+1:]
		byName := strings.HasPrefix(e.Name(), hash) && len(hash) > i
		if byName || strings.HasPrefix(short, hash) || strings.HasPrefix(hash, short) {
			names = append(names, e.Name())
		}
	}
	switch {
	case hash == "":
		return nil, errors.New("step: found no hash, expected one")
	case len(names) == 0:
		return nil, fmt.Errorf("%s has no step %s; locimem study NAME --dry-run lists those of a study", st.dir, hash)
	case len(names) > 1:
		return nil, fmt.Errorf("%s has several steps that begin with %s: %s; give more digits",
			st.dir, hash, strings.Join(names, ", "))
	}
	s, err := st.load(names[0])
	if err == nil && !strings.HasPrefix(s.Name(), hash) && !strings.HasPrefix(s.hash, hash) {
		return nil, fmt.Errorf("%s has no step %s; it has %s", st.dir, hash, s.hash)
	}
	return s, err
}

// load reads a step and all that it needs.
func (st *Store) load(name string) (*Step, error) {
	path := filepath.Join(st.dir, name, stepFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f saved
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	k := kinds[f.Kind]
	if k == nil {
		return nil, fmt.Errorf("%s: kind: found %q, which this program does not know", path, f.Kind)
	}
	params, err := k.decode(f.Params)
	if err != nil {
		return nil, fmt.Errorf("%s: params: %w", path, err)
	}
	var needs []*Step
	for _, n := range f.Needs {
		if filepath.Base(n) != n {
			return nil, fmt.Errorf("%s: needs: found %q, expected the name of a step", path, n)
		}
		s, err := st.load(n)
		if err != nil {
			return nil, err
		}
		needs = append(needs, s)
	}
	s := newStep(k, f.Label, params, needs)
	if s.hash != f.Hash {
		return nil, fmt.Errorf("%s: hash: found %.12s, expected %.12s: the file was changed, "+
			"or comes from another version of this program", path, s.hash, f.Hash)
	}
	return s, nil
}
