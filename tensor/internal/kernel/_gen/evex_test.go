package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Encodings as LLVM's assembler makes them.
func TestEVEXKnown(t *testing.T) {
	if got := fmt.Sprintf("% x", vdpbf16ps.encode(2, 1, 3)); got != "62 f2 6e 48 52 d9" {
		t.Errorf("vdpbf16ps zmm3,zmm2,zmm1 is %s", got)
	}
}

// Every register in every place, read back by GNU objdump.
func TestEVEXAgainstObjdump(t *testing.T) {
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("no objdump here: GNU's disassembler is what the encodings are compared with")
	}
	var code []byte
	var want []string
	for _, e := range []evex{vdpbf16ps, vcvtne2ps2bf16} {
		for r := range uint8(32) {
			for _, x := range [][3]uint8{{r, 7, 24}, {9, r, 17}, {30, 4, r}} {
				c := e.encode(x[0], x[1], x[2])
				code = append(code, c[:]...)
				want = append(want, fmt.Sprintf("%s zmm%d,zmm%d,zmm%d", strings.ToLower(e.name), x[2], x[0], x[1]))
			}
		}
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, code, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", file).Output()
	if err != nil {
		t.Skipf("this objdump does not read x86-64: %v", err)
	}
	var got []string
	for _, line := range strings.Split(string(out), "\n") {
		if fields := strings.Split(line, "\t"); len(fields) == 3 {
			got = append(got, strings.Join(strings.Fields(fields[2]), " "))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("objdump sees %d instructions, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("instruction %d is %s, want %s", i, got[i], want[i])
		}
	}
}
