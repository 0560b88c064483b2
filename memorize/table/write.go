package table

import (
	"encoding/csv"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"strconv"

	"github.com/locimem/locimem/internal/atomicfile"
)

// Write writes the header and the rows as CSV.
func (f File) Write(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(f.Header()); err != nil {
		return err
	}
	var cells []reflect.Value // of the row, which is one variable
	fields := make([]string, len(f.Columns))
	for row := range f.rows {
		if cells == nil {
			cells = f.cells(row)
		}
		for i := range f.Columns {
			fields[i] = f.Columns[i].format(cells[i])
		}
		if err := c.Write(fields); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// Save writes the file into a folder and returns its path. It replaces the whole
// file or, after an error, nothing.
func (f File) Save(dir string) (string, error) {
	path := filepath.Join(dir, f.File)
	return path, atomicfile.Write(path, f.Write)
}

// cells returns the fields of a row that are columns.
func (s *Spec) cells(row reflect.Value) []reflect.Value {
	out := make([]reflect.Value, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = row.FieldByIndex(c.path)
	}
	return out
}

// format writes a value so that it reads back exactly.
func (c *Column) format(v reflect.Value) string {
	switch c.Kind {
	case Int:
		return strconv.FormatInt(v.Int(), 10)
	case Number:
		if x := v.Float(); !math.IsNaN(x) {
			return strconv.FormatFloat(x, 'g', -1, 64)
		}
		return ""
	case Bool:
		return strconv.FormatBool(v.Bool())
	}
	return v.String()
}
