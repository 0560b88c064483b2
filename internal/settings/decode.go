package settings

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Decode lays the YAML document src over the struct that into points to. file
// names the document in problems. The path of each value set is noted in origins
// with the place it came from, unless origins is nil. All problems found are
// returned together, as Problems; fields without a problem are set all the same.
func Decode(into any, file string, src []byte, origins map[string]string) error {
	d := decoder{file: file, origins: origins}
	body, err := parse(src)
	if err != nil {
		d.problems.Add(file, "", "%v", err)
		return d.problems
	}
	if body != nil {
		d.value("", body, []reflect.Value{reflect.ValueOf(into).Elem()})
	}
	return d.problems.Err()
}

// Set carries out one assignment such as "train.epochs=3"; the right-hand side
// is a YAML value. An unknown path is refused with the nearest known one.
func Set(into any, assignment string, origins map[string]string) error {
	var ps Problems
	where := "--set " + assignment
	path, text, ok := strings.Cut(assignment, "=")
	if !ok {
		ps.Add(where, "", "want field=value, found no %q", "=")
		return ps
	}
	var paths []string
	leaves, absent := leavesAt(into, path)
	for _, l := range leaves {
		if l.Path != path {
			paths = append(paths, l.Path)
			continue
		}
		body, err := parse([]byte(text))
		if err != nil {
			ps.Add(where, path, "%v", err)
			return ps
		}
		d := decoder{file: where, oneLine: true, origins: origins}
		if body == nil {
			d.problem(nil, path, "want %s, found nothing", kindName(l.Value.Type()))
		} else {
			d.value(path, body, l.same)
		}
		if err := d.problems.Err(); err != nil {
			absent()
			return err
		}
		return nil
	}
	absent()
	hint := ""
	if n := Nearest(path, paths); n != "" {
		hint = fmt.Sprintf("; did you mean %s?", n)
	}
	for _, p := range paths {
		if strings.HasPrefix(p, path+".") {
			hint = fmt.Sprintf("; it is a section, set its fields one by one, for instance %s", p)
			break
		}
	}
	ps.Add(where, "", "no field %s%s", path, hint)
	return ps
}

// leavesAt is Leaves where the absent sections that path goes through are made;
// absent takes them away again.
func leavesAt(into any, path string) (all []Leaf, absent func()) {
	absent = func() {}
	for {
		all = Leaves(into)
		i := slices.IndexFunc(all, func(l Leaf) bool {
			return optional(l.Value.Type()) && strings.HasPrefix(path, l.Path+".")
		})
		if i < 0 {
			return all, absent
		}
		made, inner := all[i].same, absent
		for _, v := range made {
			v.Set(reflect.New(v.Type().Elem()))
		}
		absent = func() {
			for _, v := range made {
				v.SetZero()
			}
			inner()
		}
	}
}

// parse returns the one document of src, nil if there is nothing in it.
func parse(src []byte) (body ast.Node, err error) {
	if src, err = bounded(src); err != nil {
		return nil, err
	}
	// A document is user input; whatever the parser does with it ends as an error.
	defer func() {
		if r := recover(); r != nil {
			body, err = nil, fmt.Errorf("not readable as YAML (%v)", r)
		}
	}()
	f, err := parser.ParseBytes(src, 0)
	if err != nil {
		return nil, fmt.Errorf("not YAML: %w", err)
	}
	for _, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			return nil, fmt.Errorf("more than one document")
		}
		body = doc.Body
	}
	return body, nil
}

type decoder struct {
	file     string
	oneLine  bool // the document is a command-line argument: no line numbers
	origins  map[string]string
	problems Problems
}

func (d *decoder) where(n ast.Node) string {
	if d.oneLine || n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return d.file
	}
	return fmt.Sprintf("%s:%d", d.file, n.GetToken().Position.Line)
}

func (d *decoder) problem(n ast.Node, path, format string, args ...any) {
	d.problems.Add(d.where(n), path, format, args...)
}

// value sets from node n the fields that are one in the document: one, or several of
// the same kind.
func (d *decoder) value(path string, n ast.Node, same []reflect.Value) {
	if same[0].Kind() == reflect.Struct {
		d.mapping(path, n, same)
		return
	}
	if optional(same[0].Type()) && n.Type() != ast.NullType {
		for _, v := range same {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
		}
		d.mapping(path, n, elems(same))
		return
	}
	if !d.leaf(path, n, same[0]) {
		return
	}
	for _, v := range same[1:] {
		d.leaf(path, n, v)
	}
	if d.origins != nil {
		d.origins[path] = d.where(n)
	}
}

func (d *decoder) mapping(path string, n ast.Node, structs []reflect.Value) {
	all := fields(structs)
	m, ok := n.(ast.MapNode)
	if !ok {
		d.problem(n, path, "want a section with the fields %s, found %s", strings.Join(names(structs), ", "), found(n))
		return
	}
	for it := m.MapRange(); it.Next(); {
		key := it.Key().GetToken().Value
		i := slices.IndexFunc(all, func(f field) bool { return f.name == key })
		if i < 0 {
			hint := "; known are " + strings.Join(names(structs), ", ")
			if near := Nearest(key, names(structs)); near != "" {
				hint = "; did you mean " + join(path, near) + "?"
			}
			d.problem(it.Key(), "", "no field %s%s", join(path, key), hint)
			continue
		}
		d.value(join(path, key), it.Value(), all[i].same)
	}
}

// leaf sets a field that is no struct and tells whether it could.
func (d *decoder) leaf(path string, n ast.Node, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		if n.Type() == ast.NullType {
			v.SetZero()
			return true
		}
		p := reflect.New(v.Type().Elem())
		if !d.leaf(path, n, p.Elem()) {
			return false
		}
		v.Set(p)
		return true
	case reflect.Slice, reflect.Array:
		return d.list(path, n, v)
	}
	if err := scalar(n, v); err != nil {
		d.problem(n, path, "%v", err)
		return false
	}
	return true
}

// list sets a slice or an array. A single value stands for a list of one where
// the length is free: "taps: all".
func (d *decoder) list(path string, n ast.Node, v reflect.Value) bool {
	items := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		items = s.Values
	} else if v.Kind() == reflect.Array {
		d.problem(n, path, "want %s, found %s", kindName(v.Type()), found(n))
		return false
	}
	if v.Kind() == reflect.Array && len(items) != v.Len() {
		d.problem(n, path, "want %s, found a list of %d", kindName(v.Type()), len(items))
		return false
	}
	list := reflect.MakeSlice(reflect.SliceOf(v.Type().Elem()), len(items), len(items))
	for i, item := range items {
		if !d.leaf(fmt.Sprintf("%s[%d]", path, i), item, list.Index(i)) {
			return false
		}
	}
	if v.Kind() == reflect.Array {
		reflect.Copy(v, list)
	} else {
		v.Set(list)
	}
	return true
}

// scalar sets a number, a text or a truth value.
func scalar(n ast.Node, v reflect.Value) error {
	want := kindName(v.Type())
	tk := n.GetToken()
	mismatch := fmt.Errorf("want %s, found %s", want, found(n))
	switch v.Kind() {
	case reflect.String:
		if n.Type() != ast.StringType {
			return mismatch
		}
		v.SetString(n.(*ast.StringNode).Value)
	case reflect.Bool:
		if n.Type() != ast.BoolType {
			return mismatch
		}
		v.SetBool(n.(*ast.BoolNode).Value)
	case reflect.Int, reflect.Int64:
		if n.Type() != ast.IntegerType {
			return mismatch
		}
		i, err := strconv.ParseInt(tk.Value, 10, v.Type().Bits())
		if err != nil {
			return mismatch
		}
		v.SetInt(i)
	case reflect.Uint64, reflect.Uint:
		if n.Type() != ast.IntegerType {
			return mismatch
		}
		u, err := strconv.ParseUint(tk.Value, 10, v.Type().Bits())
		if err != nil {
			return mismatch
		}
		v.SetUint(u)
	case reflect.Float64, reflect.Float32:
		// The parser takes a number such as 1e-3 for a text.
		plain := n.Type() == ast.IntegerType || n.Type() == ast.FloatType ||
			n.Type() == ast.StringType && tk.Type == token.StringType
		f, err := strconv.ParseFloat(tk.Value, v.Type().Bits())
		if !plain || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return mismatch
		}
		v.SetFloat(f)
	default:
		panic(fmt.Sprintf("settings: a field of type %s cannot be read", v.Type()))
	}
	return nil
}

// kindName says in words what a field of type t takes.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindName(t.Elem()) + " or null"
	case reflect.Struct:
		return "a section with the fields " + strings.Join(names([]reflect.Value{reflect.Zero(t)}), ", ")
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64, reflect.Uint:
		return "a whole number of at least 0"
	case reflect.Float64, reflect.Float32:
		return "a number"
	case reflect.Slice:
		return "a list, each item " + kindName(t.Elem())
	case reflect.Array:
		return fmt.Sprintf("a list of %d, each item %s", t.Len(), kindName(t.Elem()))
	}
	return t.String()
}

// found says in words what a document has.
func found(n ast.Node) string {
	text := ""
	if tk := n.GetToken(); tk != nil {
		if text = tk.Value; len(text) > 40 {
			text = text[:40] + "..."
		}
	}
	switch n.Type() {
	case ast.NullType:
		return "nothing"
	case ast.MappingType, ast.MappingValueType:
		return "a section"
	case ast.SequenceType:
		return "a list"
	case ast.IntegerType, ast.FloatType, ast.BoolType, ast.InfinityType, ast.NanType:
		return text
	case ast.StringType:
		if _, err := strconv.ParseFloat(text, 64); err == nil && n.GetToken().Type == token.StringType {
			return text
		}
		return fmt.Sprintf("the text %q", text)
	}
	return fmt.Sprintf("%s %q, which recipes do not use", n.Type().YAMLName(), text)
}
