package graph

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A result that was changed, or is gone, is not computed with.
func TestChangedFiles(t *testing.T) {
	ctx := context.Background()
	for name, damage := range map[string]func(path string) error{
		"found no file":             os.Remove,
		"the file was changed":      func(path string) error { return os.WriteFile(path, []byte("7\n"), 0o644) },
		"found SHA-256 e3b0c44298f": func(path string) error { return os.Truncate(path, 0) }, // of nothing
	} {
		st, last := NewStore(t.TempDir()), diamond()
		require.NoError(t, st.Run(ctx, []*Step{last}, &quiet{}))
		first := last.Needs()[0].Needs()[0]
		require.NoError(t, damage(st.Path(first, resultFile)))
		err := st.Run(ctx, []*Step{last}, &quiet{})
		require.ErrorContains(t, err, name)
		assert.ErrorContains(t, err, "remove the folder "+st.Path(first)+" to do the step again")
		require.NoError(t, os.RemoveAll(st.Path(first)))
		runs = 0
		require.NoError(t, st.Run(ctx, []*Step{last}, &quiet{}))
		assert.Equal(t, 1, runs)
	}
}

// What does not count for the hash is that of the last plan, until the step is done.
func TestPlannedAgain(t *testing.T) {
	st := NewStore(t.TempDir())
	note := func() string {
		s, err := st.Find(adder.Step("a", sum{Add: 1}).Hash())
		require.NoError(t, err)
		return s.Params().(sum).Note
	}
	wrong, right := adder.Step("a", sum{Add: 1, Note: "wrong folder"}), adder.Step("a", sum{Add: 1, Note: "right folder"})
	require.NoError(t, st.Plan([]*Step{wrong}))
	require.Equal(t, "wrong folder", note())
	require.NoError(t, st.Run(context.Background(), []*Step{right}, &quiet{}))
	assert.Equal(t, "right folder", note())
	require.NoError(t, st.Plan([]*Step{wrong}))
	assert.Equal(t, "right folder", note(), "that with which it was done")
}

func TestFindByName(t *testing.T) {
	st, s := NewStore(t.TempDir()), adder.Step("a", sum{Add: 1})
	require.NoError(t, st.Plan([]*Step{s}))
	for _, name := range []string{s.Name(), s.Name()[:12], s.Hash(), s.Hash()[:4], s.Hash()[:20]} {
		found, err := st.Find(name)
		require.NoError(t, err, name)
		assert.Equal(t, s.Hash(), found.Hash())
	}
	for _, name := range []string{s.Hash()[:12] + "zzz", "test-sum-zz", s.Name() + "0", "other-" + s.Hash()[:4]} {
		_, err := st.Find(name)
		assert.ErrorContains(t, err, "has no step "+name)
	}
}
