package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/buildinfo"
)

// madeJSON says, beside scores, when and where they were made and by which
// command. No score depends on it.
const madeJSON = "made.json"

// writeMade describes this process in a folder of scores.
func writeMade(dir string) error {
	return atomicfile.WriteJSON(filepath.Join(dir, madeJSON), buildinfo.Now())
}

// readMade returns what writeMade wrote, nil for scores that are older than it.
func readMade(dir string) (*buildinfo.Here, error) {
	path := filepath.Join(dir, madeJSON)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var h buildinfo.Here
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &h, nil
}
