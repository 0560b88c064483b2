package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"log"
)

// layout knows where the Go compiler puts the fields of the structs that a file
// of package kernel declares, so that the assembly follows the source.
type layout struct {
	pkg   *types.Package
	sizes types.Sizes
}

// readLayout type-checks one file that needs no other file of its package.
func readLayout(file, goarch string) layout {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		log.Fatal(err)
	}
	conf := types.Config{Importer: importer.Default()}
	pkg, err := conf.Check("kernel", fset, []*ast.File{f}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return layout{pkg, types.SizesFor("gc", goarch)}
}

// offset returns the byte offset of a field in a struct. A slice begins with
// its pointer.
func (l layout) offset(structName, field string) int {
	s := l.pkg.Scope().Lookup(structName).Type().Underlying().(*types.Struct)
	fields := make([]*types.Var, s.NumFields())
	for i := range fields {
		fields[i] = s.Field(i)
	}
	for i, at := range l.sizes.Offsetsof(fields) {
		if fields[i].Name() == field {
			return int(at)
		}
	}
	log.Fatalf("struct %s has no field %s", structName, field)
	return 0
}

// size returns the size of a struct in bytes.
func (l layout) size(structName string) int {
	return int(l.sizes.Sizeof(l.pkg.Scope().Lookup(structName).Type()))
}
