//go:build unix

package ssl

import (
	"context"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The limit on the size of files stands for a full disk: writing fails half way.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	require.Error(t, newProblem(t, problemOptions{dir: dir, change: stopAfter(5, cancel)}).run(t, ctx))
	files := checkpoints(t, dir)
	require.Equal(t, []string{"f-00000004.safetensors", "f-00000005.safetensors"}, files)

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	small := old
	small.Cur = 250_000 // less than a checkpoint, more than the log of the test itself
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small))
	p := newProblem(t, problemOptions{dir: dir})
	err := p.run(t, context.Background())
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))
	require.ErrorIs(t, err, syscall.EFBIG)
	assert.ErrorContains(t, err, "f-00000008.safetensors")
	assert.Equal(t, files, checkpoints(t, dir), "old checkpoints stay and nothing half written is left")

	q := newProblem(t, problemOptions{dir: dir})
	require.NoError(t, q.run(t, context.Background()))
	assert.Equal(t, uninterrupted(t).weights, q.result().weights)
}
