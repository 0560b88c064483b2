package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
)

// Read returns all rows of the table in a folder. An error names the file, the
// line and the column, what is there and what was expected: another header, lines
// with too few cells and cells that do not fit their column are refused. It wraps
// fs.ErrNotExist where there is no file.
func (t *Table[T]) Read(dir string) ([]T, error) {
	var out []T
	for row, err := range t.Rows(dir, nil) {
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// Rows yields the rows of the table in a folder, in their order, or an error as
// the last. keep, if not nil, is shown each row while only its texts are set; rows
// that it does not want cost little.
func (t *Table[T]) Rows(dir string, keep func(*T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var row T
		if err := t.rows(filepath.Join(dir, t.File), &row, keep, func() bool { return yield(row, nil) }); err != nil {
			var none T
			yield(none, err)
		}
	}
}

// rows reads each row into row and calls next for those that are kept.
func (t *Table[T]) rows(path string, row *T, keep func(*T) bool, next func() bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.ReuseRecord = true
	cells := t.cells(reflect.ValueOf(row).Elem())
	names := map[string]string{} // texts repeat, and a row must not keep its line in memory
	for n := 1; ; n++ {
		fields, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && n > 1:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s: found an empty file, expected the columns %v", path, t.Header())
		case errors.Is(err, csv.ErrFieldCount):
			return fmt.Errorf("%s:%d: found %d columns, expected %d: the file may be cut short", path, n, len(fields), len(t.Columns))
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		if n == 1 {
			if !slices.Equal(fields, t.Header()) {
				return fmt.Errorf("%s: found the columns %v, expected %v", path, fields, t.Header())
			}
			continue
		}
		for i := range t.Columns {
			if t.Columns[i].Kind == Text {
				text, known := names[fields[i]]
				if !known {
					text = string([]byte(fields[i]))
					names[text] = text
				}
				cells[i].SetString(text)
			}
		}
		if keep != nil && !keep(row) {
			continue
		}
		for i := range t.Columns {
			if err := t.Columns[i].parse(cells[i], fields[i]); err != nil {
				return fmt.Errorf("%s:%d: %s: %w", path, n, t.Columns[i].Name, err)
			}
		}
		if !next() {
			return nil
		}
	}
}

// rounding is how far below 0 a distance may lie.
const rounding = 1e-6

// parse sets the field of a cell that is no text.
func (c *Column) parse(v reflect.Value, text string) error {
	switch c.Kind {
	case Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("found %q, expected a whole number", text)
		}
		v.SetInt(int64(n))
	case Number:
		x := math.NaN()
		if text != "" {
			var err error
			if x, err = strconv.ParseFloat(text, 64); err != nil {
				return fmt.Errorf("found %q, expected a number", text)
			}
		}
		if c.distance && !(x >= -rounding && x <= math.MaxFloat64) {
			return fmt.Errorf("found %q, expected a finite distance of 0 or more", text)
		}
		v.SetFloat(x)
	case Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("found %q, expected true or false", text)
		}
		v.SetBool(b)
	}
	return nil
}
