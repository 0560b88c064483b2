package buildinfo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/locimem/locimem/internal/atomicfile"
)

// File says, next to scores, when and where they were computed and by which
// command. No score depends on it.
const File = "made.json"

// Write describes this process in a folder.
func Write(dir string) error { return atomicfile.WriteJSON(filepath.Join(dir, File), Now()) }

// Read returns what Write wrote into a folder, nil for a folder without it.
func Read(dir string) (*Here, error) {
	path := filepath.Join(dir, File)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var h Here
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &h, nil
}
