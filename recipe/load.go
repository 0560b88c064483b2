package recipe

import (
	"fmt"
	"io"
	"maps"
	"slices"

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

// defaultFile names the default recipe in problems.
const defaultFile = "recipes/default.yaml"

// Request says which recipe is wanted and what for.
type Request struct {
	// File is the name of a document in problems, Src the document itself.
	File string
	Src  []byte
	// Stored says that Write made the document: it names all fields, whether they have an
	// effect or not.
	Stored bool
	// Own are assignments ("train.epochs=3") of the program that asks: unlike those of
	// the file and of Sets they may set what has no effect.
	Own []string
	// Sets are assignments of who runs the program, carried out last, in their order.
	Sets []string
	// Uses names the fields, or sections, that count for the purpose; nil: all. Of others
	// nothing is checked in a file, and an assignment in Sets to one of them is refused.
	Uses []string
	// Anyhow names those that count whatever other fields say.
	Anyhow []string
}

// Load reads the recipe in a file, "" for the default one, and carries out the
// assignments in sets ("train.epochs=3"), in their order. Errors are of type
// settings.Problems where the recipe itself is at fault.
func Load(path string, sets []string) (*Recipe, error) { return Request{Sets: sets}.Load(path) }

// Load reads the recipe in a file, "" for the default one.
func (q Request) Load(path string) (*Recipe, error) {
	if path != "" {
		src, err := textfile.Read(path, settings.MaxSize)
		if err != nil {
			return nil, err
		}
		q.File, q.Src = path, src
	}
	return q.Read()
}

// LoadStored reads the recipe of a run, which Write has written.
func LoadStored(path string) (*Recipe, error) { return Request{Stored: true}.Load(path) }

// Read is Load of a document in memory; file is its name in errors.
func Read(file string, src []byte, sets []string) (*Recipe, error) {
	return Request{File: file, Src: src, Sets: sets}.Read()
}

// Read reads the recipe in Src. A setting that has no effect next to the others is an
// error, as one that is wrong is.
func (q Request) Read() (*Recipe, error) {
	c := &checker{uses: q.Uses, anyhow: q.Anyhow, standard: blank(), origins: map[string]string{}}
	if err := settings.Decode(c.standard, defaultFile, recipes.Default, c.origins); err != nil {
		return nil, err
	}
	// Each method has its own defaults; a test holds those of this repository and
	// the file together.
	c.standard.Method.open()
	r := c.standard.copy()
	assign := func(sets []string) layer {
		return func(r *Recipe, origins map[string]string) error {
			for _, s := range sets {
				if err := settings.Set(r, s, origins); err != nil {
					return err
				}
			}
			return nil
		}
	}
	document := layer(func(r *Recipe, origins map[string]string) error {
		return settings.Decode(r, q.File, q.Src, origins)
	})
	said, err := document.over(r, c.origins)
	if err != nil {
		return nil, err
	}
	if q.Stored {
		clear(said)
	}
	c.ofLayer(r, said, true)
	alone := r.copy()
	alone.Method.close()
	ofFile := c.withoutEffect(alone, said)
	if _, err := assign(q.Own).over(r, c.origins); err != nil {
		return nil, err
	}
	assigned, err := assign(q.Sets).over(r, c.origins)
	if err != nil {
		return nil, err
	}
	c.ofLayer(r, assigned, false)
	maps.Copy(said, assigned)
	c.notOfMethod(r.Method.Name)
	r.Method.close()
	for _, path := range slices.Sorted(maps.Keys(assigned)) {
		if !c.counts(path) {
			c.unused(path, assigned[path])
		}
	}
	r.validate(c)
	c.refuse(c.withoutEffect(r, said), said, ofFile)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// copy returns a recipe to read into, with the settings of all methods of its own.
func (r *Recipe) copy() *Recipe {
	c := *r
	c.Method = r.Method.copy()
	return &c
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
