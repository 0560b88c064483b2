// Package graph runs studies as graphs of steps. The name of a step is the hash of
// everything that decides its result, and the result is kept in a store. So a step that
// two studies share is done once, a study that was killed continues where it was, and any
// step can be done by itself, on another machine if need be.
package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Kind is a kind of step, such as training an encoder. P holds the parameters of a step,
// everything it depends on except the steps it needs: plain data that encoding/json
// writes and reads back.
type Kind[P any] struct{ *kind }

// kind is Kind without its type parameter.
type kind struct {
	name    string
	version int
	run     func(ctx context.Context, w *Work, params any) error
	effort  func(params any) Effort
	decode  func([]byte) (any, error)
}

// kinds holds every Kind by name, for steps that are read from a store.
var kinds = map[string]*kind{}

// Identifier is implemented by parameters of which only a part counts for the step's
// hash: the place of a data set does not, for instance.
type Identifier interface{ Identity() string }

// Define returns a new kind of step. Raise version when the same parameters come to mean
// another result. run does the work; after an interruption it is called again in the same
// directory. effort says what it costs. Kinds are defined in package variables: Define
// panics if the name is taken.
func Define[P any](
	name string, version int,
	run func(ctx context.Context, w *Work, p P) error, effort func(p P) Effort,
) Kind[P] {
	if kinds[name] != nil {
		panic("graph: the kind " + name + " is defined twice")
	}
	k := &kind{
		name: name, version: version,
		run:    func(ctx context.Context, w *Work, p any) error { return run(ctx, w, p.(P)) },
		effort: func(p any) Effort { return effort(p.(P)) },
		decode: func(b []byte) (any, error) {
			var p P
			err := json.Unmarshal(b, &p)
			return p, err
		},
	}
	kinds[name] = k
	return Kind[P]{k}
}

// Step returns the step of this kind with these parameters. label says what it is, for
// people. It does not count for the hash.
func (k Kind[P]) Step(label string, p P, needs ...*Step) *Step {
	return newStep(k.kind, label, p, needs)
}

// Step is one piece of work.
type Step struct {
	kind   *kind
	label  string
	params any
	needs  []*Step
	hash   string
}

func newStep(k *kind, label string, params any, needs []*Step) *Step {
	h := sha256.New()
	fmt.Fprintf(h, "locimem step %s %d\n", k.name, k.version)
	if i, ok := params.(Identifier); ok {
		fmt.Fprintln(h, i.Identity())
	} else {
		b, err := json.Marshal(params)
		if err != nil {
			panic("graph: the parameters of " + k.name + " are not plain data: " + err.Error())
		}
		fmt.Fprintf(h, "%s\n", b)
	}
	for _, n := range needs {
		fmt.Fprintln(h, n.hash)
	}
	return &Step{k, label, params, needs, hex.EncodeToString(h.Sum(nil))}
}

// Hash is the SHA-256, in hexadecimal, of everything that decides the result.
func (s *Step) Hash() string { return s.hash }

// Name is the name of the step's directory in a store: its kind and the first twelve
// digits of its hash.
func (s *Step) Name() string { return s.kind.name + "-" + s.hash[:12] }

// Label says what the step is, for people.
func (s *Step) Label() string { return s.label }

// Needs returns the steps whose results this one uses.
func (s *Step) Needs() []*Step { return s.needs }

// Params returns the parameters of the step: the P of its Kind.
func (s *Step) Params() any { return s.params }

// Order returns the steps and all that they need, each one once and after what it needs.
func Order(steps []*Step) []*Step {
	var out []*Step
	visited := map[string]bool{}
	var visit func(*Step)
	visit = func(s *Step) {
		if visited[s.hash] {
			return
		}
		visited[s.hash] = true
		for _, n := range s.needs {
			visit(n)
		}
		out = append(out, s)
	}
	for _, s := range steps {
		visit(s)
	}
	return out
}
