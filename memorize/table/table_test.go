package table

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type name string

type mean struct {
	Mean float64 `json:"mean"`
	interval
	N int `json:"n"`
}

type interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

type row struct {
	Tap    name    `col:"tap"`
	Inside mean    `col:"mean=inside,n=points>,lo"`
	Unit   int     `col:"unit"`
	Long   float64 `col:"long" unit:"m" must:"distance"`
	Whole  bool    `col:"whole"`
	hidden int
}

var rows = Of[row]("rows.csv", "rows")

const header = "tap,inside,lo,unit,long,whole,points\n"

func write(t *testing.T, text string) (dir string) {
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(text), 0o644))
	return dir
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	third := 1. / 3
	all := []row{
		{Tap: "a", Inside: mean{Mean: third, interval: interval{Lo: -1e-300}, N: 3}, Unit: -1, Long: 2, Whole: true},
		{Tap: `b, "c"`, Inside: mean{Mean: math.Inf(1), N: 4}, Long: math.Nextafter(1, 2)},
	}
	dir := t.TempDir()
	path, err := rows.With(all).Save(dir)
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, header+"a,0.3333333333333333,-1e-300,-1,2,true,3\n\"b, \"\"c\"\"\",+Inf,0,0,1.0000000000000002,false,4\n", string(text))
	got, err := rows.Read(dir)
	require.NoError(t, err)
	assert.Equal(t, all, got)

	// NaN is an empty cell, which NaN is read from.
	var b bytes.Buffer
	require.NoError(t, rows.With([]row{{Inside: mean{Mean: math.NaN()}}}).Write(&b))
	assert.Equal(t, header+",,0,0,0,false,0\n", b.String())
	got, err = rows.Read(write(t, b.String()))
	require.NoError(t, err)
	assert.True(t, math.IsNaN(got[0].Inside.Mean))
}

func TestUnwantedRowsAreNotParsed(t *testing.T) {
	dir := write(t, header+"a,1,1,1,1,true,1\nb,x,y,z,-1,maybe,0.5\na,2,2,2,2,false,2\n")
	var got []int
	for r, err := range rows.Rows(dir, func(r *row) bool { return r.Tap == "a" }) {
		require.NoError(t, err)
		got = append(got, r.Unit)
	}
	assert.Equal(t, []int{1, 2}, got)
}

func TestDamageIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "rows.csv: found an empty file, expected the columns [tap inside",
		"tap,inside\n":                         "rows.csv: found the columns [tap inside], expected [tap inside lo",
		header + "a,1,1\n":                     "rows.csv:2: found 3 columns, expected 7: the file may be cut short",
		header + "a,1,1,1.5,1,true,1\n":        `rows.csv:2: unit: found "1.5", expected a whole number`,
		header + "a,one,1,1,1,true,1\n":        `rows.csv:2: inside: found "one", expected a number`,
		header + "a,1,1,1,-0.5,true,1\n":       `rows.csv:2: long: found "-0.5", expected a finite distance of 0 or more`,
		header + "a,1,1,1,,true,1\n":           `rows.csv:2: long: found "", expected a finite distance`,
		header + "a,1,1,1,1,yes,1\n":           `rows.csv:2: whole: found "yes", expected true or false`,
		header + "a,1,1,1,1,true,1\n\"a,1,1":   "rows.csv: ",
		header + "a,1,1,1,1,true,1\na,1,1,1,1": "rows.csv:3: found 5 columns",
	} {
		_, err := rows.Read(write(t, text))
		assert.ErrorContains(t, err, want)
	}
	_, err := rows.Read(t.TempDir())
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestReadingStopsWhereItIsTold(t *testing.T) {
	n := 0
	for range rows.Rows(write(t, header+"a,1,1,1,1,true,1\nb,bad,,,,,\n"), nil) {
		n++
		break
	}
	assert.Equal(t, 1, n)
}

func TestWrongDeclarationsPanic(t *testing.T) {
	type twice struct {
		A int `col:"a"`
		B int `col:"a"`
	}
	type unknown struct {
		A mean `col:"median"`
	}
	type slice struct {
		A []int `col:"a"`
	}
	type must struct {
		A float64 `col:"a" must:"smile"`
	}
	assert.PanicsWithValue(t, `table x.csv: found the column "a" twice`, func() { Of[twice]("x.csv", "") })
	assert.PanicsWithValue(t, `table x.csv: field A of table.unknown: tag col: found "median", which is no column of table.mean`,
		func() { Of[unknown]("x.csv", "") })
	assert.Panics(t, func() { Of[slice]("x.csv", "") })
	assert.Panics(t, func() { Of[must]("x.csv", "") })
	assert.Panics(t, func() { Of[int]("x.csv", "") })
	assert.Panics(t, func() { Of[interval]("x.csv", "") }) // no tag
}

func BenchmarkReadAMillionRows(b *testing.B) {
	dir := b.TempDir()
	_, err := rows.WithSeq(func(yield func(row) bool) {
		for i := range 1_000_000 {
			if !yield(row{Tap: "conv1", Inside: mean{Mean: 1 / float64(i+3), N: i}, Unit: i, Long: 1 / float64(i+7)}) {
				return
			}
		}
	}).Save(dir)
	require.NoError(b, err)
	for b.Loop() {
		n := 0
		for _, err := range rows.Rows(dir, nil) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 1_000_000, n)
	}
}
