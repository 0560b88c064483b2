// Package testutil holds what tests of several packages share.
package testutil

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Root returns the directory of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// SharedData returns the directory of a data set that is not part of the
// repository: $LOCIMEM_SHARED_DATA/name, or ../shared/data/name beside the
// repository. The test is skipped where there is none.
func SharedData(t testing.TB, name string) string {
	t.Helper()
	base := os.Getenv("LOCIMEM_SHARED_DATA")
	if base == "" {
		base = filepath.Join(Root(), "..", "shared", "data")
	}
	dir := filepath.Join(base, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("needs the data set %s: no directory %s (set LOCIMEM_SHARED_DATA)", name, dir)
	}
	return dir
}

// MissingISA skips a test of the kernels of that name, for which err says why
// there is no engine, or fails it where the environment variable
// LOCIMEM_REQUIRE_ISA (names with commas) says that it has to run.
func MissingISA(t testing.TB, isa string, err error) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("LOCIMEM_REQUIRE_ISA"), ","), isa) {
		t.Fatalf("LOCIMEM_REQUIRE_ISA wants %s: %v", isa, err)
	}
	t.Skip(err)
}
