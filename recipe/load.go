package recipe

import (
	"fmt"
	"io"

	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/internal/textfile"
	"github.com/locimem/locimem/recipes"
)

// Default returns the recipe that runs without any file: recipes/default.yaml.
func Default() *Recipe {
	r, err := Read("", nil, nil)
	if err != nil {
		panic(err) // the embedded recipe; the tests read it
	}
	return r
}

// Load reads the recipe in a file, "" for the default one, and carries out the
// assignments in sets ("train.epochs=3"), in their order. Errors are of type
// settings.Problems where the recipe itself is at fault.
func Load(path string, sets []string) (*Recipe, error) {
	if path == "" {
		return Read("", nil, sets)
	}
	src, err := textfile.Read(path, settings.MaxSize)
	if err != nil {
		return nil, err
	}
	return Read(path, src, sets)
}

// Read is Load of a document in memory; file is its name in errors.
func Read(file string, src []byte, sets []string) (*Recipe, error) {
	r, origins := blank(), map[string]string{}
	if err := settings.Decode(r, "recipes/default.yaml", recipes.Default, origins); err != nil {
		return nil, err
	}
	// Each method has its own defaults; a test holds those of this repository and
	// the file together.
	r.Method.open()
	for _, lay := range []layer{
		func(r *Recipe, origins map[string]string) error { return settings.Decode(r, file, src, origins) },
		func(r *Recipe, origins map[string]string) error {
			for _, s := range sets {
				if err := settings.Set(r, s, origins); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if err := lay.over(r, origins); err != nil {
			return nil, err
		}
	}
	r.Method.close()
	if err := r.validate(origins).Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// blank returns a recipe that a document can be laid over.
func blank() *Recipe {
	r := &Recipe{}
	r.Method.open()
	return r
}

// Write writes the recipe with all its fields, the settings of its own method only, in
// a form that Read reads back.
func (r *Recipe) Write(w io.Writer) error {
	if _, err := fmt.Fprintln(w, "# Every field of this run. recipes/default.yaml explains them."); err != nil {
		return err
	}
	return settings.Encode(w, r)
}
