package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ownFiles are the files of the store itself in a step's directory, and locks.
var ownFiles = []string{stepFile, doneFile, spentFile, lockFile}

// digests returns the SHA-256, in hexadecimal, of every file of a step, by path within its
// directory.
func digests(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || slices.Contains(ownFiles, e.Name()) {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			out[filepath.ToSlash(name)], err = digest(path)
		}
		return err
	})
	return out, err
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// verify returns an error unless the files of a finished step are as it left them:
// results computed from changed files would be wrong without warning. Steps that were
// finished before digests were kept have none.
func (st *Store) verify(s *Step, d *Done) error {
	for name, want := range d.Files {
		path := st.Path(s, filepath.FromSlash(name))
		got, err := digest(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s: found no file, expected the one that the step %q left; "+
				"remove the folder %s to do the step again", path, s.label, st.Path(s))
		case err != nil:
			return err
		case got != want:
			return fmt.Errorf("%s: found SHA-256 %.12s, expected %.12s: the file was changed after the step %q was "+
				"finished; remove the folder %s to do the step again", path, got, want, s.label, st.Path(s))
		}
	}
	return nil
}
