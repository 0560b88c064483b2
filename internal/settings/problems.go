// Package settings reads YAML into Go structs and refuses whatever does not fit:
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
package settings

import (
	"fmt"
	"reflect"
	"slices"
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

// Inliner is a section that has fields of other structs as well.
type Inliner interface {
	// Inline returns structs, or pointers to them if they are to be set, whose fields
	// follow those of the section itself. A field of the same name in several of them is
	// one field of the section: it is read into all of them and written from the first.
	Inline() []any
}

// Leaf is one field that holds a value: anything but a struct, and a section that
// is absent.
type Leaf struct {
	Path  string
	Value reflect.Value
	Tags  []reflect.StructTag // of the field and of the structs around it, outermost first
	same  []reflect.Value     // Value and the fields of other structs that are set with it
}

// Leaves returns the value fields of the struct that v points to, in the order
// of their declaration.
func Leaves(v any) []Leaf {
	return leaves(nil, "", []reflect.Value{reflect.ValueOf(v).Elem()}, nil)
}

func leaves(out []Leaf, path string, same []reflect.Value, tags []reflect.StructTag) []Leaf {
	if optional(same[0].Type()) && !same[0].IsNil() {
		same = elems(same)
	}
	if same[0].Kind() != reflect.Struct {
		return append(out, Leaf{Path: path, Value: same[0], Tags: tags, same: same})
	}
	for _, f := range fields(same) {
		out = leaves(out, join(path, f.name), f.same, append(tags[:len(tags):len(tags)], f.tag))
	}
	return out
}

// elems returns what the pointers point to, those that are nil left out.
func elems(pointers []reflect.Value) []reflect.Value {
	var out []reflect.Value
	for _, p := range pointers {
		if !p.IsNil() {
			out = append(out, p.Elem())
		}
	}
	return out
}

// field is a field of a section.
type field struct {
	name string
	tag  reflect.StructTag
	same []reflect.Value // the field in each of the structs that have it
}

// fields returns the fields of structs that are one section, with those that they
// inline, in the order of their declaration.
func fields(structs []reflect.Value) []field {
	var out []field
	add := func(f field) {
		if i := slices.IndexFunc(out, func(g field) bool { return g.name == f.name }); i >= 0 {
			out[i].same = append(out[i].same, f.same...)
		} else {
			out = append(out, f)
		}
	}
	for _, v := range structs {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if name := fieldName(f); name != "" {
				add(field{name, f.Tag, []reflect.Value{v.Field(i)}})
			}
		}
		if s, ok := v.Interface().(Inliner); ok {
			for _, inner := range s.Inline() {
				for _, f := range fields([]reflect.Value{reflect.Indirect(reflect.ValueOf(inner))}) {
					add(f)
				}
			}
		}
	}
	return out
}

// names returns the names of the fields of structs that are one section.
func names(structs []reflect.Value) []string {
	var out []string
	for _, f := range fields(structs) {
		out = append(out, f.name)
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
