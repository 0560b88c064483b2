package filelock

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	a, err := Acquire(path)
	require.NoError(t, err)
	_, err = Acquire(path)
	require.ErrorIs(t, err, ErrHeld)
	assert.ErrorContains(t, err, path)
	require.NoError(t, a.Release())
	b, err := Acquire(path)
	require.NoError(t, err)
	require.NoError(t, b.Release())
}

func TestNoDirectory(t *testing.T) {
	_, err := Acquire(filepath.Join(t.TempDir(), "none", "lock"))
	assert.Error(t, err)
	assert.NotErrorIs(t, err, ErrHeld)
}
