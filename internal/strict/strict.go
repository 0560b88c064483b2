// Package strict reads YAML into Go structs and refuses whatever does not fit:
// names that no field has, values of another type, values without a field. Each
// refusal says where it stands, which field it is about, what was expected and
// what was found.
//
// Fields are named by their yaml tags and addressed by dotted paths such as
// train.epochs. What a document does not name keeps the value it has, so that
// documents can be laid over defaults.
//
// A pointer to a struct is a section that may be absent: null, which is one value
// field, or a section whose fields a document gives.
package strict

import (
	"fmt"
	"reflect"
	"strings"
)

// Problem is one thing wrong with a document.
type Problem struct {
	Where string // "recipe.yaml:12", "--set" or "" where nobody knows
	Field string // dotted path, "" if the problem is about the document
	Msg   string
}

// Error returns "where: field: message".
func (p *Problem) Error() string {
	var b strings.Builder
	for _, s := range []string{p.Where, p.Field} {
		if s != "" {
			b.WriteString(s)
			b.WriteString(": ")
		}
	}
	b.WriteString(p.Msg)
	return b.String()
}

// Problems is all that is wrong with a document; it is an error when not empty.
type Problems []*Problem

// Error returns the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Add appends a problem.
func (ps *Problems) Add(where, field, format string, args ...any) {
	*ps = append(*ps, &Problem{Where: where, Field: field, Msg: fmt.Sprintf(format, args...)})
}

// Err returns the problems as an error, nil if there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Leaf is one field that holds a value: anything but a struct, and a section that
// is absent.
type Leaf struct {
	Path  string
	Value reflect.Value
	Tags  []reflect.StructTag // of the field and of the structs around it, outermost first
}

// Leaves returns the value fields of the struct that v points to, in the order
// of their declaration.
func Leaves(v any) []Leaf {
	return leaves(nil, "", reflect.ValueOf(v).Elem(), nil)
}

func leaves(out []Leaf, path string, v reflect.Value, tags []reflect.StructTag) []Leaf {
	if optional(v.Type()) && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return append(out, Leaf{Path: path, Value: v, Tags: tags})
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := fieldName(f)
		if name == "" {
			continue
		}
		out = leaves(out, join(path, name), v.Field(i), append(tags[:len(tags):len(tags)], f.Tag))
	}
	return out
}

// optional tells whether fields of this type are sections that may be absent.
func optional(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

// fieldName returns the name of a field in documents, "" if it has none.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if !f.IsExported() || name == "-" {
		return ""
	}
	if name == "" {
		return strings.ToLower(f.Name)
	}
	return name
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Nearest returns the candidate with the smallest edit distance to name, "" if
// none is near enough to be what was meant.
func Nearest(name string, candidates []string) string {
	best, bestDist := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		if d := distance(name, c); d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// distance is the edit distance of Levenshtein.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}
