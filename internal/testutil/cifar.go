package testutil

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// CIFAR10 returns a directory that holds cifar-10-batches-bin, the official
// binary files of all 60,000 images. They are made from the shared data set on
// first use (a few seconds, 185 MB) and kept in the user's cache for later tests
// and processes. The test is skipped where the shared data are missing.
func CIFAR10(t testing.TB) string {
	t.Helper()
	source := SharedData(t, "cifar-10")
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("making the CIFAR-10 files from %s: %v", source, err)
		}
	}
	// Other sources give another directory.
	sums, err := os.ReadFile(filepath.Join(source, "SHA256SUMS"))
	fatal(err)
	sum := sha256.Sum256(sums)
	cache, err := os.UserCacheDir()
	fatal(err)
	cache = filepath.Join(cache, "locimem-test")
	dir := filepath.Join(cache, "cifar-10-"+hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	fatal(os.MkdirAll(cache, 0o755))
	// Made under another name and renamed when complete: tests of several
	// packages may be at it at once, and any of them may be stopped.
	tmp, err := os.MkdirTemp(cache, "making-")
	fatal(err)
	defer os.RemoveAll(tmp)
	cmd := exec.Command("go", "run", ".", "-archive", filepath.Join("..", "cifar10-jpeg.tar.gz"), "-out", tmp)
	cmd.Dir = filepath.Join(source, "unpack")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s: %v\n%s", source, err, out)
	}
	fatal(os.Chmod(tmp, 0o755))
	if err := os.Rename(tmp, dir); err != nil {
		if _, other := os.Stat(dir); other != nil { // else another process was first
			fatal(err)
		}
	}
	return dir
}
