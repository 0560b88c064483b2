package graph

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/filelock"
)

// sum adds a number to the results of what it needs.
type sum struct {
	Add  int    `json:"add"`
	Note string `json:"note"` // does not count
}

func (s sum) Identity() string { return string(rune('0' + s.Add)) }

var (
	runs  int   // how often a sum was done
	fails error // what the next sums return
	adder = Define("test-sum", 1, func(_ context.Context, w *Work, p sum) error {
		runs++
		if fails != nil {
			return fails
		}
		total := p.Add
		for i := range w.Step.Needs() {
			var n int
			if err := w.NeedResult(i, &n); err != nil {
				return err
			}
			total += n
		}
		return w.Result(total)
	}, func(p sum) Effort {
		two := func(context.Context) (float64, error) { return 2, nil }
		return Effort{Key: "sum", Amount: float64(p.Add), Measure: two, Fixed: 1}
	})
)

// quiet counts what it is told.
type quiet struct{ begun, ended []string }

func (q *quiet) Begin(s *Step, _, _ int) { q.begun = append(q.begun, s.Label()) }
func (q *quiet) End(s *Step, _ *Done)    { q.ended = append(q.ended, s.Label()) }
func (q *quiet) Waiting(*Step)           {}

// diamond is a step that two others need, which a last one needs.
func diamond() *Step {
	a := adder.Step("a", sum{Add: 1})
	return adder.Step("d", sum{Add: 4}, adder.Step("b", sum{Add: 2}, a), adder.Step("c", sum{Add: 3}, a))
}

func TestStepsAreDoneOnce(t *testing.T) {
	st, last := NewStore(t.TempDir()), diamond()
	runs = 0
	var q quiet
	require.NoError(t, st.Run(context.Background(), []*Step{last}, &q))
	assert.Equal(t, []string{"a", "b", "c", "d"}, q.ended)
	var n int
	require.NoError(t, st.Result(last, &n))
	assert.Equal(t, 11, n, "1 twice, 2, 3 and 4")
	require.NoError(t, st.Run(context.Background(), []*Step{diamond(), adder.Step("e", sum{Add: 5}, diamond())}, &q))
	assert.Equal(t, 5, runs, "only the new one")
}

func TestHash(t *testing.T) {
	a := adder.Step("a", sum{Add: 1})
	assert.Equal(t, a.Hash(), adder.Step("other label", sum{Add: 1, Note: "x"}).Hash())
	assert.NotEqual(t, a.Hash(), adder.Step("a", sum{Add: 2}).Hash())
	assert.NotEqual(t, a.Hash(), adder.Step("a", sum{Add: 1}, a).Hash())
	assert.Panics(t, func() {
		Define("test-sum", 1, func(context.Context, *Work, sum) error { return nil }, func(sum) Effort { return Effort{} })
	})
}

func TestFailureGoesOnLater(t *testing.T) {
	st, last := NewStore(t.TempDir()), diamond()
	fails = errors.New("no room")
	defer func() { fails = nil }()
	err := st.Run(context.Background(), []*Step{last}, &quiet{})
	assert.ErrorContains(t, err, "a (test-sum-")
	assert.ErrorIs(t, err, fails)
	fails = nil
	require.NoError(t, st.Run(context.Background(), []*Step{last}, &quiet{}))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, st.Run(ctx, []*Step{adder.Step("f", sum{Add: 6})}, &quiet{}), context.Canceled)
}

func TestFindByHash(t *testing.T) {
	st, last := NewStore(t.TempDir()), diamond()
	require.NoError(t, st.Plan([]*Step{last}))
	for _, hash := range []string{last.Hash(), last.Hash()[:6], last.Name()} {
		s, err := st.Find(hash)
		require.NoError(t, err, hash)
		assert.Equal(t, last.Hash(), s.Hash())
		assert.Equal(t, "c", s.Needs()[1].Label())
	}
	_, err := st.Find("ffffffffffff")
	assert.ErrorContains(t, err, "has no step ffffffffffff")
	_, err = st.Find("")
	assert.Error(t, err)
	path := st.Path(last, stepFile)
	for want, text := range map[string]string{
		"unexpected end": "{", "does not know": `{"kind": "other"}`,
		"params": `{"kind": "test-sum", "params": 3}`, "the file was changed": `{"kind": "test-sum", "params": {"add": 9}}`,
		"expected the name of a step": `{"kind": "test-sum", "params": {}, "needs": ["../x"]}`,
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err := st.Find(last.Hash())
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, path)
	}
}

func TestEstimate(t *testing.T) {
	st := NewStore(t.TempDir())
	all, err := st.Estimate(context.Background(), []*Step{diamond()})
	require.NoError(t, err)
	require.Len(t, all, 4)
	assert.Equal(t, 9.0, all[3].Seconds, "4 units of 2 seconds as measured, and 1")
	a := adder.Step("a", sum{Add: 1})
	require.NoError(t, st.Run(context.Background(), []*Step{a}, &quiet{}))
	done := Done{Hash: a.Hash(), Seconds: 5, Whole: true, Key: "sum", Amount: 1}
	require.NoError(t, atomicfile.WriteJSON(st.Path(a, doneFile), done))
	all, err = st.Estimate(context.Background(), []*Step{diamond()})
	require.NoError(t, err)
	assert.NotNil(t, all[0].Done)
	assert.Equal(t, 21.0, all[3].Seconds, "by what the first one took")
	require.NoError(t, os.WriteFile(st.Path(a, doneFile), []byte("{"), 0o644))
	_, err = st.Estimate(context.Background(), []*Step{diamond()})
	assert.ErrorContains(t, err, "remove the file to do the step again")
}

// A step that another process works on is left to it.
func TestHeldSteps(t *testing.T) {
	st, last := NewStore(t.TempDir()), diamond()
	require.NoError(t, st.Plan([]*Step{last}))
	lock, err := filelock.Acquire(filepath.Join(st.Path(last.Needs()[0]), lockFile))
	require.NoError(t, err)
	defer lock.Release()
	ctx, cancel := context.WithCancel(context.Background())
	w := &cancelOnWait{cancel: cancel}
	err = st.Run(ctx, []*Step{last}, w)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{"a", "c"}, w.ended, "what could be done was done meanwhile")
}

// cancelOnWait stops a run when it begins to wait.
type cancelOnWait struct {
	quiet
	cancel func()
}

func (w *cancelOnWait) Waiting(*Step) { w.cancel() }
