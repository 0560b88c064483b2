package memorize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A table of points that was damaged is refused, with the place.
func TestDamagedPoints(t *testing.T) {
	const whole = "tap,set,point,distance,ssl_f,ssl_g\n" +
		"conv1,candidate,1,l2,0.5,0.6\nconv1,candidate,2,l2,0.5,0.6\nconv1,external,7,l2,0.5,0.6\n" +
		"head,candidate,1,l2,0.5,0.6\nhead,candidate,2,l2,0.5,0.6\nhead,external,7,l2,0.5,0.6\n"
	dir := t.TempDir()
	path := filepath.Join(dir, PointTable.File)
	read := func(text string) error {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err := ReadPoints(dir, L2)
		return err
	}
	require.NoError(t, read(whole))
	line := func(old, now string) string {
		require.Contains(t, whole, old)
		return strings.Replace(whole, old, now, 1)
	}
	for text, want := range map[string]string{
		"":                                       "found an empty file, expected the columns",
		strings.SplitAfter(whole, "\n")[0]:       "found no rows of distance l2",
		whole[:len(whole)-8]:                     ":7: found 5 columns, expected 6: the file may be cut short",
		line("head,external,7,l2,0.5,0.6\n", ""): "found 3 pairs of a tap and a set, expected 4",
		line("head,candidate,2,l2,0.5,0.6\n", ""):                          "tap head, set candidate: found other points",
		line("head,candidate,2,l2", "head,candidate,3,l2"):                 "tap head, set candidate: found other points",
		line("head,external,7", "head,foo,7"):                              "set foo: found other points",
		line("conv1,external,7,l2,0.5", "conv1,external,7,l2,-8"):          `:4: ssl_f: found "-8", expected a finite distance of 0 or more`,
		line("conv1,external,7,l2,0.5,0.6", "conv1,external,7,l2,0.5,NaN"): `:4: ssl_g: found "NaN"`,
		line("conv1,external,7,l2,0.5", "conv1,external,7,l2,Inf"):         `:4: ssl_f: found "Inf"`,
	} {
		err := read(text)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, path)
	}
}
