package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
)

// writeStubs writes the Go declarations of the functions and the tables in
// which Go finds the one for a tile's size.
func writeStubs(file string, isas []isa) {
	var b bytes.Buffer
	fmt.Fprint(&b, header(), "\npackage kernel\n")
	for _, s := range isas {
		fmt.Fprintf(&b, "\n// tiles%s[v-1][r-1] is the tile of r rows and v vectors.\n", s.name)
		fmt.Fprintf(&b, "var tiles%s = [%d][%d]func(t *Tile){\n", s.name, s.vectors, s.rows)
		for v := 1; v <= s.vectors; v++ {
			b.WriteString("{")
			for r := 1; r <= s.rows; r++ {
				fmt.Fprintf(&b, "%s,", (&tile{isa: s, rows: r, nv: v}).funcName())
			}
			b.WriteString("},\n")
		}
		b.WriteString("}\n\n")
		for v := 1; v <= s.vectors; v++ {
			for r := 1; r <= s.rows; r++ {
				fmt.Fprintf(&b, "//go:noescape\nfunc %s(t *Tile)\n\n", (&tile{isa: s, rows: r, nv: v}).funcName())
			}
		}
	}
	src, err := format.Source(b.Bytes())
	if err == nil {
		err = os.WriteFile(file, src, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
