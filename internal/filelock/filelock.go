// Package filelock keeps two processes from working in the same directory.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrHeld says that another process holds the lock.
var ErrHeld = errors.New("in use by another process")

// Lock is a lock on a file. The system releases it when the process ends,
// however it ends.
type Lock struct{ f *os.File }

// Acquire locks the file at path, which is made if need be, without waiting. The
// error wraps ErrHeld if another process, or another Lock of this one, has it.
func Acquire(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Lock{f}, nil
}

// Release gives the lock back. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *Lock) Release() error { return l.f.Close() }
