package settings

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Byte order marks and the directive %YAML are taken; what is not is called by its name.
func TestMarksAndDirectives(t *testing.T) {
	for _, src := range []string{
		"\xef\xbb\xbfname: x\n",
		"\xef\xbb\xbf\r\nname: x\r\n",
		"%YAML 1.2\n---\nname: x\n",
		"\xef\xbb\xbf# why\n\n%YAML 1.1\r\n# more\n--- # here\nname: x\n...\n",
	} {
		var v outer
		require.NoError(t, Decode(&v, "a.yaml", []byte(src), nil), "%q", src)
		assert.Equal(t, "x", v.Name)
	}
	for src, want := range map[string]string{
		"\xff\xfen\x00a\x00":                   "a.yaml: found UTF-16, expected UTF-8",
		"n\x00a\x00m\x00e\x00":                 "a.yaml: found UTF-16, expected UTF-8",
		"%TAG ! tag:x,2000:\n---\nname: x\n":   "a.yaml: line 1: the directive %TAG is not taken",
		"%YAML 1.2\n%YAML 1.2\n---\nname: x\n": "a.yaml: line 2: the directive %YAML is not taken",
		"%YAML 2.0\n---\nname: x\n":            `a.yaml: line 1: found "%YAML 2.0", expected %YAML 1.1 or 1.2`,
		"%YAML 1.2\nname: x\n":                 `a.yaml: line 2: found "name: x", expected --- after the directive %YAML`,
		"%YAML 1.2\n":                          "a.yaml: found the directive %YAML and no --- after it",
	} {
		assert.ErrorContains(t, Decode(&outer{}, "a.yaml", []byte(src), nil), want)
	}
	// Lines keep their numbers.
	assert.ErrorContains(t, Decode(&outer{}, "a.yaml", []byte("%YAML 1.2\n---\nnam: x\n"), nil), "a.yaml:3: no field nam")
}

// Documents that would take the parser all memory or hours are refused before.
func TestBounds(t *testing.T) {
	for want, src := range map[string]string{
		"line 1: found 65536 bytes, expected at most 8192":   strings.Repeat("[", 1<<16),
		"65537 bytes are more than the 65536 allowed":        strings.Repeat(" ", 1<<16+1),
		"found 3001 lines, expected at most 2000":            strings.Repeat("a:\n", 3000),
		"found 1001 opening brackets, expected at most 1000": "words: [" + strings.Repeat("{},\n", 1000) + "]",
		"found 8000 opening brackets, expected at most 1000": strings.Repeat("[", 8000),
		"line 2: found 9003 bytes, expected at most 8192":    "count: 1\n- - " + strings.Repeat("- ", 4499) + "x",
	} {
		assert.ErrorContains(t, Decode(&outer{}, "a.yaml", []byte(src), nil), "a.yaml: "+want)
	}
	assert.ErrorContains(t, Set(&outer{}, "count="+strings.Repeat("[", 5000), nil),
		"found 5000 opening brackets, expected at most 1000")
	// What is within the bounds takes no time that anyone would notice: of all tries the
	// ones that took the parser longest.
	var keys strings.Builder
	for i := range maxLines - 1 {
		fmt.Fprintf(&keys, "key%d: 1\n", i)
	}
	for _, src := range []string{
		strings.Repeat("[", maxBrackets), strings.Repeat("{a: ", maxBrackets), strings.Repeat("- ", maxLine/2),
		strings.Repeat(strings.Repeat("<<: ", maxLine/4)[:maxLine]+"\n", 7),
		strings.Repeat(strings.Repeat("&a ", maxLine/3)+"\n", 7),
		keys.String(),
	} {
		began := time.Now()
		assert.Error(t, Decode(&outer{}, "a.yaml", []byte(src), nil))
		assert.Less(t, time.Since(began), 30*time.Second, "%.20q", src)
		t.Logf("%.20q: %v", src, time.Since(began))
	}
}
