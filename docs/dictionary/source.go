package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// module is the import path of this repository.
const module = "github.com/locimem/locimem/"

// source finds type declarations, with their comments, in the files of the
// repository.
type source struct {
	root     string
	packages map[string]map[string]declaration // by folder and name of the type
}

// declaration is a type with the folders of the packages that its file imports.
type declaration struct {
	spec    *ast.TypeSpec
	folder  string
	imports map[string]string
}

// field is a field of a struct as JSON has it.
type field struct {
	name    string // Go name, "" of an embedded struct
	json    string // key, "" without one
	meaning string
	typ     ast.Expr
	in      declaration
}

func (s *source) find(folder, name string) (declaration, error) {
	types, ok := s.packages[folder]
	if !ok {
		var err error
		if types, err = s.parse(folder); err != nil {
			return declaration{}, err
		}
		s.packages[folder] = types
	}
	d, ok := types[name]
	if !ok {
		return d, fmt.Errorf("%s: found no type %s", folder, name)
	}
	return d, nil
}

func (s *source) parse(folder string) (map[string]declaration, error) {
	entries, err := os.ReadDir(filepath.Join(s.root, folder))
	if err != nil {
		return nil, err
	}
	types := map[string]declaration{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(s.root, folder, e.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		imports := map[string]string{}
		for _, i := range f.Imports {
			if p, _ := strconv.Unquote(i.Path.Value); strings.HasPrefix(p, module) {
				imports[path.Base(p)] = strings.TrimPrefix(p, module)
			}
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				for _, spec := range g.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						types[t.Name.Name] = declaration{t, folder, imports}
					}
				}
			}
		}
	}
	return types, nil
}

// fields returns the fields of a struct. One without a comment shares that of the
// field above, if it names both.
func (d declaration) fields() []field {
	s, ok := d.spec.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	var out []field
	above := ""
	for _, f := range s.Fields.List {
		meaning := words(f.Doc)
		if m := words(f.Comment); m != "" && meaning == "" {
			meaning = m
		} else if m != "" {
			meaning += " (" + m + ")"
		}
		key := ""
		if f.Tag != nil {
			tag, _ := strconv.Unquote(f.Tag.Value)
			key, _, _ = strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		}
		if len(f.Names) == 0 {
			out = append(out, field{"", key, meaning, f.Type, d})
			continue
		}
		for _, n := range f.Names {
			if meaning == "" && names(above, n.Name) {
				meaning = above
			}
			out = append(out, field{n.Name, key, meaning, f.Type, d})
		}
		above = meaning
	}
	return out
}

// words returns the text of a comment on one line.
func words(c *ast.CommentGroup) string {
	return strings.Join(strings.Fields(c.Text()), " ")
}

// names tells whether a text has a word in it.
func names(text, word string) bool {
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,.:;()", r) }) {
		if w == word {
			return true
		}
	}
	return false
}

// resolve returns the declaration that a type refers to; ok is false for a type of
// Go itself.
func (s *source) resolve(t ast.Expr, in declaration) (d declaration, ok bool, err error) {
	switch t := t.(type) {
	case *ast.Ident:
		if basic(t.Name) != "" {
			return d, false, nil
		}
		d, err = s.find(in.folder, t.Name)
		return d, err == nil, err
	case *ast.SelectorExpr:
		pkg := t.X.(*ast.Ident).Name
		folder, known := in.imports[pkg]
		if !known {
			return d, false, fmt.Errorf("%s: found the type %s.%s, expected one of this repository", in.folder, pkg, t.Sel.Name)
		}
		d, err = s.find(folder, t.Sel.Name)
		return d, err == nil, err
	}
	return d, false, nil
}

// basic returns what the dictionary calls a type of Go, "" for other types.
func basic(name string) string {
	switch name {
	case "string":
		return "text"
	case "int", "uint64", "int64":
		return "whole number"
	case "float64":
		return "number"
	case "bool":
		return "true or false"
	case "any":
		return "anything"
	}
	return ""
}
