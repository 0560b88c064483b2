// Package table declares a table once and gets everything else from the
// declaration: the file that is written, the reader that takes it back, and the
// page of the data dictionary that explains it.
//
// A table is a Go struct for a row and a file name. The fields that become
// columns carry a tag:
//
//	// Change is how much a layer changed.
//	type Change struct {
//		Tap  string  `col:"tap"`                  // the layer
//		Size float64 `col:"size" unit:"share"`    // mean of |change|
//		Stat Stat    `col:"mean=change,se,lo,hi"` // columns of a nested struct, two of four renamed
//	}
//
//	var Changes = table.Of[Change]("changes.csv", "how much each layer changed")
//
// The comment of a field is its meaning in the data dictionary, so it is written
// once, where the code is read.
//
// Files are CSV with a header. Numbers have as many digits as it takes to read
// them back exactly, so equal rows give equal bytes; NaN is an empty cell.
package table

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
)

// Spec says what a table is: its file and its columns.
type Spec struct {
	File    string // name of the file, such as delta.csv
	Help    string // what the rows are
	Columns []Column
}

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind
	Unit string // "" for counts and names, and where the meaning says it
	// Struct and Field say where the column is declared, and so which comment
	// explains it. For a column of a nested struct that is the nested field.
	Struct reflect.Type
	Field  string
	// Of is the field of the row that holds Struct, "" for a field of the row itself.
	Of string

	path     []int // of the field in the row
	distance bool  // finite and not below 0 but for rounding
	last     bool  // behind all columns that are not
}

// Kind is the type of the cells of a column.
type Kind string

// The kinds of columns.
const (
	Text   Kind = "text"
	Int    Kind = "whole number"
	Number Kind = "number"    // float64; NaN is an empty cell
	Bool   Kind = "yes or no" // true or false
)

// Table is a table with rows of type T.
type Table[T any] struct{ Spec }

// Of declares the table in a file, with a column for each field of T that has the
// tag col, in their order:
//
//	col:"name"       the column is called name
//	col:"a,b=c,d>"   of a struct: its columns a, b (here called c) and d, which goes
//	                 behind the columns of all other fields; "*" stands for all of them
//	unit:"seconds"   unit of the cells; of a struct, that of all its numbers
//	must:"distance"  the reader refuses cells that are not a finite distance
//
// A nested struct without col tags is known by its json names. Of panics if T is
// not a struct of strings, ints, float64s, bools and structs of these, or if a tag
// names a column that is not there or is taken.
func Of[T any](file, help string) *Table[T] {
	row := reflect.TypeFor[T]()
	if row.Kind() != reflect.Struct {
		panic(fmt.Sprintf("table %s: found rows of type %s, expected a struct", file, row))
	}
	columns := columnsOf(file, row, false)
	slices.SortStableFunc(columns, func(a, b Column) int {
		switch {
		case a.last == b.last:
			return 0
		case b.last:
			return -1
		}
		return 1
	})
	for i, c := range columns {
		if slices.ContainsFunc(columns[:i], func(d Column) bool { return d.Name == c.Name }) {
			panic(fmt.Sprintf("table %s: found the column %q twice", file, c.Name))
		}
	}
	if len(columns) == 0 {
		panic(fmt.Sprintf("table %s: found no field of %s with the tag col", file, row))
	}
	return &Table[T]{Spec{File: file, Help: help, Columns: columns}}
}

// columnsOf returns the columns of a struct. With byJSON, fields without the tag
// col have the name of their tag json.
func columnsOf(file string, of reflect.Type, byJSON bool) []Column {
	var out []Column
	for i := range of.NumField() {
		f := of.Field(i)
		tag, ok := f.Tag.Lookup("col")
		if !ok && byJSON {
			tag, _, _ = strings.Cut(f.Tag.Get("json"), ",")
			if ok = tag != "" && tag != "-"; f.Anonymous && !ok {
				tag, ok = "*", true
			}
		}
		if !ok {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			out = append(out, nested(file, of, f, tag)...)
			continue
		}
		c := Column{Name: tag, Kind: kindOf(file, of, f), Unit: f.Tag.Get("unit"), Struct: of, Field: f.Name, path: f.Index}
		switch must := f.Tag.Get("must"); must {
		case "distance":
			c.distance = true
		case "":
		default:
			panic(fmt.Sprintf("table %s: field %s of %s: tag must: found %q, expected distance", file, f.Name, of, must))
		}
		out = append(out, c)
	}
	return out
}

// nested returns the columns that a field takes from the struct that it holds.
func nested(file string, of reflect.Type, f reflect.StructField, tag string) []Column {
	all := columnsOf(file, f.Type, true)
	for i := range all {
		c := &all[i]
		c.path = slices.Concat(f.Index, c.path)
		if unit, ok := f.Tag.Lookup("unit"); ok && c.Kind == Number {
			c.Unit = unit
		}
		if !f.Anonymous {
			c.Of = f.Name
		}
	}
	if tag == "*" {
		return all
	}
	var out []Column
	for item := range strings.SplitSeq(tag, ",") {
		item, last := strings.CutSuffix(item, ">")
		from, name, renamed := strings.Cut(item, "=")
		if !renamed {
			name = from
		}
		i := slices.IndexFunc(all, func(c Column) bool { return c.Name == from })
		if i < 0 {
			panic(fmt.Sprintf("table %s: field %s of %s: tag col: found %q, which is no column of %s", file, f.Name, of, from, f.Type))
		}
		c := all[i]
		c.Name, c.last = name, last
		out = append(out, c)
	}
	return out
}

func kindOf(file string, of reflect.Type, f reflect.StructField) Kind {
	switch f.Type.Kind() {
	case reflect.String:
		return Text
	case reflect.Int:
		return Int
	case reflect.Float64:
		return Number
	case reflect.Bool:
		return Bool
	}
	panic(fmt.Sprintf("table %s: field %s of %s: found type %s, expected string, int, float64, bool or a struct of these",
		file, f.Name, of, f.Type))
}

// Header returns the names of the columns.
func (s *Spec) Header() []string {
	out := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = c.Name
	}
	return out
}

// File is a table with its rows, ready to be written.
type File struct {
	Spec
	rows func(yield func(row reflect.Value) bool)
}

// With returns the file of these rows.
func (t *Table[T]) With(rows []T) File { return t.WithSeq(slices.Values(rows)) }

// WithSeq is With for rows that are made while they are written.
func (t *Table[T]) WithSeq(rows iter.Seq[T]) File {
	return File{t.Spec, func(yield func(reflect.Value) bool) {
		var row T
		v := reflect.ValueOf(&row).Elem()
		for row = range rows {
			if !yield(v) {
				return
			}
		}
	}}
}
