// Dictionary writes docs/data-dictionary.md: every column of every table and every
// field of every JSON file that LociMem leaves, with its type, unit and meaning.
// All of it comes from the declarations in the code; the meaning of a field is its
// comment.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/run"
)

//go:generate go run .

// page is where the dictionary lies in the repository.
const page = "docs/data-dictionary.md"

func main() {
	root := filepath.Join("..", "..")
	text, err := dictionary(root)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, page), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// jsonFile is a JSON file and the type that is written there.
type jsonFile struct{ name, help, folder, typ string }

var jsonFiles = []jsonFile{
	{"scores/scores.json", "The scores of layers, summaries of those of units, and what they depend on.", "memorize", "ScoresJSON"},
	{"scores/made.json", "When, where and by which command the scores were computed. No score depends on it.", "internal/buildinfo", "Here"},
	{"split.json", "Which image is in which set, with hashes.", "data", "manifest"},
	{"log.jsonl", "The log of the training: one object a line for each epoch of f and g.", "ssl", "Record"},
	{"units.json", "What `locimem units` finds.", "run", "UnitReport"},
	{"ledger.json", "The claims of `locimem study`: a list of objects.", "report", "Claim"},
}

const head = `<!-- Made by go generate ./docs/dictionary; do not edit. -->
# Data dictionary

Every column of every table and every field of every JSON file that LociMem leaves, taken from the
declarations in the code.

Tables are CSV with a header. Numbers have as many digits as it takes to read them back exactly; an
empty cell is a number that is not defined, such as the standard error of a single point. Units: "of
the estimator" is a ratio for the estimators paper and range, and the unit of the distance for raw;
"of the distance" is none for unit-l2, cosine and angular, and that of the activations for l2 and l1.
`

// dictionary returns the page, from the sources in the repository at root.
func dictionary(root string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(head)
	s := &source{root, map[string]map[string]declaration{}}
	b.WriteString("\n## Tables of a run, in the folder scores\n")
	if err := s.tables(&b, memorize.TableSpecs()); err != nil {
		return nil, err
	}
	b.WriteString("\n## Tables of locimem units\n")
	if err := s.tables(&b, []table.Spec{run.UnitTable.Spec, run.TopUnitTable.Spec}); err != nil {
		return nil, err
	}
	b.WriteString("\n## JSON files\n")
	for _, f := range jsonFiles {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| field | type | meaning |\n|---|---|---|\n", f.name, f.help)
		d, err := s.find(f.folder, f.typ)
		if err == nil {
			err = s.object(&b, "", d, map[string]string{})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return b.Bytes(), nil
}

func (s *source) tables(b *bytes.Buffer, specs []table.Spec) error {
	for _, t := range specs {
		fmt.Fprintf(b, "\n### %s\n\n%s.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n", t.File, t.Help)
		for _, c := range t.Columns {
			meaning, err := s.meaning(c.Struct, c.Field)
			if err != nil {
				return fmt.Errorf("%s: column %s: %w", t.File, c.Name, err)
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", c.Name, c.Kind, c.Unit, cell(meaning))
		}
	}
	return nil
}

// meaning returns the comment of a field of a struct.
func (s *source) meaning(t reflect.Type, name string) (string, error) {
	d, err := s.find(strings.TrimPrefix(t.PkgPath(), module), t.Name())
	if err != nil {
		return "", err
	}
	for _, f := range d.fields() {
		if f.name == name && f.meaning != "" {
			return f.meaning, nil
		}
	}
	return "", fmt.Errorf("found no comment of field %s of %s, expected its meaning", name, t)
}

// object writes the fields of a struct below the prefix of their names. known says
// where fields of a type are listed already.
func (s *source) object(b *bytes.Buffer, prefix string, d declaration, known map[string]string) error {
	for _, f := range d.fields() {
		if f.json == "-" || f.json == "" && f.name != "" {
			continue
		}
		kind, inner, err := s.kind(f.typ, f.in)
		if err != nil {
			return err
		}
		if f.json == "" { // embedded: its fields are here
			if err := s.object(b, prefix, *inner, known); err != nil {
				return err
			}
			continue
		}
		name := prefix + f.json
		if f.meaning == "" {
			return fmt.Errorf("found no comment of field %s of %s in %s, expected its meaning", f.name, d.spec.Name, d.folder)
		}
		where, again := "", false
		if inner != nil {
			key := inner.folder + "." + inner.spec.Name.Name
			if where, again = known[key]; again {
				kind += ", fields as in " + where
			} else {
				known[key] = name
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, kind, cell(f.meaning))
		if inner != nil && !again {
			if strings.HasPrefix(kind, "list") {
				name += "[]"
			}
			if err := s.object(b, name+".", *inner, known); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind returns what the dictionary calls a type and, for structs and lists of them,
// the struct.
func (s *source) kind(t ast.Expr, in declaration) (kind string, inner *declaration, err error) {
	switch t := t.(type) {
	case *ast.StarExpr:
		kind, inner, err = s.kind(t.X, in)
		return kind + " or null", inner, err
	case *ast.ArrayType:
		kind, inner, err = s.kind(t.Elt, in)
		return "list of " + plural(kind), inner, err
	case *ast.MapType:
		kind, inner, err = s.kind(t.Value, in)
		return "object of " + plural(kind) + " by name", inner, err
	case *ast.Ident:
		if kind := basic(t.Name); kind != "" {
			return kind, nil, nil
		}
	}
	d, ok, err := s.resolve(t, in)
	if err != nil || !ok {
		return "", nil, fmt.Errorf("found a type that the dictionary does not know: %T (%w)", t, err)
	}
	if _, isStruct := d.spec.Type.(*ast.StructType); isStruct {
		return "object", &d, nil
	}
	return s.kind(d.spec.Type, d)
}

func plural(kind string) string {
	switch kind {
	case "object", "number", "whole number":
		return kind + "s"
	case "text":
		return "texts"
	}
	return kind
}

// cell returns a text as Markdown has it in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
