package ssl

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/tensor"
)

// store keeps the checkpoints of one encoder in a directory: the last two, each
// one safetensors file NAME-STEPS.safetensors with the parameters and buffers of
// the method, the moments of the optimiser, the average of the weights if there is
// one and, in its metadata, a checkpointMeta.
// Tensors have their layout in memory: the file is for going on, not for other
// programs. Package weights adds and checks a checksum of the whole file.
type store struct {
	dir, name string
	expect    checkpointMeta // the fields that do not change
	params    []*nn.Param
	average   []*nn.Param // of the weights; nil: none
	optimizer optim.Optimizer
	last      string // the newest good file, "" if there is none
}

// checkpointMeta is what a checkpoint says about itself.
type checkpointMeta struct {
	Format         string `json:"format"`
	Recipe         string `json:"recipe"` // hash
	Encoder        string `json:"encoder"`
	Method         string `json:"method"`
	ISA            string `json:"isa"`
	OptimizerSteps int    `json:"optimizer_steps"`
	Place          place  `json:"place"`
}

const (
	checkpointFormat = "locimem checkpoint 1"
	checkpointEnd    = ".safetensors"
	metaKey          = "checkpoint"
	paramPrefix      = "method."
	momentPrefix     = "optimizer."
)

func newStore(c *TrainerConfig) *store {
	return &store{
		dir: c.CheckpointDir, name: c.Name, params: c.Method.Params(), optimizer: c.Optimizer,
		expect: checkpointMeta{
			Format: checkpointFormat, Recipe: c.RecipeHash, Encoder: c.Name,
			Method: c.Method.Name(), ISA: c.Engine.ISA(),
		},
	}
}

// tensors lists all that a checkpoint holds. They are the live ones.
func (s *store) tensors() []nn.NamedTensor {
	var all []nn.NamedTensor
	for _, p := range nn.State(s.params) {
		all = append(all, nn.NamedTensor{Name: paramPrefix + p.Name, Value: p.Value})
	}
	for _, p := range nn.State(s.average) {
		all = append(all, nn.NamedTensor{Name: averagePrefix + p.Name, Value: p.Value})
	}
	for _, m := range s.optimizer.State() {
		all = append(all, nn.NamedTensor{Name: momentPrefix + m.Name, Value: m.Value})
	}
	return all
}

// save writes the checkpoint of a place that many steps from the start, then
// removes all but it and the one before.
func (s *store) save(at *place, steps int) error {
	meta := s.expect
	meta.Place = *at
	meta.OptimizerSteps = s.optimizer.Steps()
	text, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%s-%08d%s", s.name, steps, checkpointEnd))
	if err := weights.Write(path, s.tensors(), map[string]string{metaKey: string(text)}); err != nil {
		return fmt.Errorf("saving checkpoint %s: %w; earlier checkpoints are as they were", path, err)
	}
	before := s.last
	s.last = path
	if before == path { // written again: nothing older has become needless
		return nil
	}
	files, err := s.files()
	if err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	for _, f := range files {
		if f != path && f != before {
			if err := os.Remove(f); err != nil {
				return fmt.Errorf("removing an old checkpoint: %w", err)
			}
		}
	}
	return nil
}

// files lists the checkpoints of this encoder, the newest first.
func (s *store) files() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	steps := map[string]int{}
	var paths []string
	for _, e := range entries {
		number, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), checkpointEnd), s.name+"-")
		n, err := strconv.Atoi(number)
		if ok && err == nil && strings.HasSuffix(e.Name(), checkpointEnd) {
			path := filepath.Join(s.dir, e.Name())
			paths, steps[path] = append(paths, path), n
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return steps[b] - steps[a] })
	return paths, nil
}

// restore loads the newest checkpoint that can be read. One that is damaged is
// passed over with a warning; if all are, that is an error, and so is one of
// another recipe. Without any the training starts at its beginning.
func (s *store) restore() (place, Start, error) {
	start := Start{Encoder: s.name}
	if err := writable(s.dir); err != nil {
		return place{}, start, fmt.Errorf("checkpoint directory: %w", err)
	}
	paths, err := s.files()
	if err != nil {
		return place{}, start, fmt.Errorf("checkpoint directory: %w", err)
	}
	for _, path := range paths {
		tensors, meta, err := readCheckpoint(path)
		if err != nil {
			start.Warnings = append(start.Warnings, fmt.Sprintf("checkpoint passed over: %v", err))
			continue
		}
		if err := s.load(tensors, meta); err != nil {
			return place{}, start, fmt.Errorf("checkpoint %s: %w", path, err)
		}
		if meta.ISA != s.expect.ISA {
			start.Warnings = append(start.Warnings, fmt.Sprintf(
				"checkpoint %s was made with %s kernels, training goes on with %s: the weights will differ by rounding from "+
					"those of one run",
				path, meta.ISA, s.expect.ISA))
		}
		s.last = path
		start.Checkpoint, start.Epoch, start.Step = path, meta.Place.Epoch, meta.Place.Step
		return meta.Place, start, nil
	}
	if len(paths) > 0 {
		return place{}, start, fmt.Errorf("no checkpoint can be used; remove them to start anew:\n%s",
			strings.Join(start.Warnings, "\n"))
	}
	return place{}, start, nil
}

// load checks that the checkpoint belongs to this training and takes it over.
func (s *store) load(tensors map[string]*tensor.Tensor, meta checkpointMeta) error {
	for _, f := range []struct{ field, found, expected string }{
		{"recipe hash", meta.Recipe, s.expect.Recipe},
		{"encoder", meta.Encoder, s.expect.Encoder},
		{"method", meta.Method, s.expect.Method},
	} {
		if f.found != f.expected {
			return fmt.Errorf("%s: found %s, expected %s: it belongs to another training", f.field, f.found, f.expected)
		}
	}
	if err := s.optimizer.Restore(under(momentPrefix, tensors), meta.OptimizerSteps); err != nil {
		return err
	}
	if err := nn.SetState(s.average, under(averagePrefix, tensors)); err != nil {
		return fmt.Errorf("average of the weights: %w", err)
	}
	return nn.SetState(s.params, under(paramPrefix, tensors))
}

// under returns the tensors whose names begin with prefix, without it.
func under(prefix string, tensors map[string]*tensor.Tensor) []nn.NamedTensor {
	var some []nn.NamedTensor
	for full, t := range tensors {
		if name, ok := strings.CutPrefix(full, prefix); ok {
			some = append(some, nn.NamedTensor{Name: name, Value: t})
		}
	}
	return some
}

// readCheckpoint reads a file and its metadata.
func readCheckpoint(path string) (map[string]*tensor.Tensor, checkpointMeta, error) {
	var meta checkpointMeta
	tensors, texts, err := weights.Read(path)
	if err != nil {
		return nil, meta, err
	}
	if err := json.Unmarshal([]byte(texts[metaKey]), &meta); err != nil {
		return nil, meta, fmt.Errorf("%s: metadata %s: %w", path, metaKey, err)
	}
	if meta.Format != checkpointFormat {
		return nil, meta, fmt.Errorf("%s: format: found %q, expected %q", path, meta.Format, checkpointFormat)
	}
	return tensors, meta, nil
}

// writable makes the directory and sees that files can be made in it, before
// hours of work depend on it.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
