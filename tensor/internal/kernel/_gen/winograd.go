package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"math"
	"strconv"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// winograd writes the transforms of Winograd's convolution, one function for
// each matrix of ../winograd.go.
//
// Channels lie side by side, so a lane is a channel and each of them has its own
// small matrix X. T X T^t is done in two halves. The first takes the columns of X
// one after the other: a column is loaded into registers, every row of T makes a
// sum out of it, and the sums go into a block on the stack. The second half does
// the same with the rows of that block. The numbers of T are written into the
// code: a zero is nothing, a one an addition, minus one a subtraction.
func winograd(s simd) {
	for _, m := range readMatrices("../winograd.go") {
		s.winogradTransform(m)
	}
}

// matrix is one entry of WinogradMatrices.
type matrix struct {
	name string
	t    [][]float32
}

// readMatrices reads the matrices out of their Go source, so that they stand in
// one place only.
func readMatrices(file string) []matrix {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		log.Fatal(err)
	}
	var all []matrix
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "WinogradMatrices" {
			return true
		}
		for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
			entry := e.(*ast.KeyValueExpr)
			m := matrix{name: entry.Key.(*ast.Ident).Name}
			for _, row := range entry.Value.(*ast.CompositeLit).Elts {
				var numbers []float32
				for _, x := range row.(*ast.CompositeLit).Elts {
					numbers = append(numbers, float32(literal(x)))
				}
				m.t = append(m.t, numbers)
			}
			all = append(all, m)
		}
		return false
	})
	return all
}

// literal evaluates a literal, a negated one or a quotient of two.
func literal(e ast.Expr) float64 {
	switch e := e.(type) {
	case *ast.BasicLit:
		v, err := strconv.ParseFloat(e.Value, 64)
		if err != nil {
			log.Fatal(err)
		}
		return v
	case *ast.UnaryExpr:
		return -literal(e.X)
	case *ast.BinaryExpr:
		return literal(e.X) / literal(e.Y)
	}
	log.Fatalf("cannot read the number %T", e)
	return 0
}

// winogradTransform writes one function, for n >= 1 channels.
func (s simd) winogradTransform(m matrix) {
	rows, cols := len(m.t), len(m.t[0])
	// The block is too large for a function without a check of the stack.
	TEXT("winograd"+m.name+s.suffix, 0, "func(dst *float32, di, dj int, src *float32, si, sj, n int)")
	Pragma("noescape")
	Commentf("T X T^t with the %d x %d matrix T of %s; a lane is a channel. Strides in bytes.", rows, cols, m.name)
	dst, src := Load(Param("dst"), GP64()).(GPVirtual), Load(Param("src"), GP64()).(GPVirtual)
	stride := func(name string) GPVirtual {
		r := Load(Param(name), GP64()).(GPVirtual)
		SHLQ(Imm(2), r)
		return r
	}
	di, dj, si, sj := stride("di"), stride("dj"), stride("si"), stride("sj")
	n := Load(Param("n"), GP64()).(GPVirtual)
	block := AllocLocal(4 * s.lanes * rows * cols)
	half := func(i, b int) Mem { return block.Offset(4 * s.lanes * (i*cols + b)) }

	pass := func(mask Op) {
		Comment("First half, H = T X, column by column, into the block on the stack.")
		column := GP64()
		MOVQ(src, column)
		for b := range cols {
			Commentf("Column %d of X.", b)
			at := GP64()
			MOVQ(column, at)
			in := make([]VecVirtual, cols)
			for a := range cols {
				in[a] = s.load(Mem{Base: at}, mask)
				if a < cols-1 {
					ADDQ(si, at)
				}
			}
			for i, row := range m.t {
				Commentf("H[%d,%d] = %s", i, b, formula(row, fmt.Sprintf("X[%%d,%d]", b)))
				s.store(s.combine(row, in), half(i, b), nil)
			}
			if b < cols-1 {
				ADDQ(sj, column)
			}
		}
		Comment("Second half, Y = H T^t, row by row.")
		row := GP64()
		MOVQ(dst, row)
		for i := range rows {
			Commentf("Row %d of H.", i)
			in := make([]VecVirtual, cols)
			for b := range cols {
				in[b] = s.load(half(i, b), nil)
			}
			at := GP64()
			MOVQ(row, at)
			for j, t := range m.t {
				Commentf("Y[%d,%d] = %s", i, j, formula(t, fmt.Sprintf("H[%d,%%d]", i)))
				s.store(s.combine(t, in), Mem{Base: at}, mask)
				if j < rows-1 {
					ADDQ(dj, at)
				}
			}
			if i < rows-1 {
				ADDQ(di, row)
			}
		}
	}

	Label("vectors")
	Commentf("Main loop: %d channels.", s.lanes)
	CMPQ(n, Imm(uint64(s.lanes)))
	JL(LabelRef("tail"))
	pass(nil)
	Comment("The next channels.")
	ADDQ(Imm(uint64(4*s.lanes)), src)
	ADDQ(Imm(uint64(4*s.lanes)), dst)
	SUBQ(Imm(uint64(s.lanes)), n)
	JMP(LabelRef("vectors"))
	Label("tail")
	Comment("Tail: the channels that are left, under a mask.")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	pass(s.mask(n))
	Label("done")
	VZEROUPPER()
	RET()
}

// combine returns the sum of row[k]*in[k].
func (s simd) combine(row []float32, in []VecVirtual) VecVirtual {
	sum := VecVirtual(nil)
	add := func(k int, first bool) {
		x, next := row[k], s.vector()
		switch {
		case first && x == 1:
			VMOVAPS(in[k], next)
		case first && x == -1:
			VSUBPS(in[k], s.zero(), next)
		case first:
			VMULPS(s.coefficient(x), in[k], next)
		case x == 1:
			VADDPS(in[k], sum, next)
		case x == -1:
			VSUBPS(in[k], sum, next)
		default:
			next = sum
			VFMADD231PS(s.coefficient(x), in[k], sum)
		}
		sum = next
	}
	// Terms with factor one begin the sum where there are any.
	order := []int{}
	for _, unit := range []bool{true, false} {
		for k, x := range row {
			if x != 0 && (x == 1) == unit {
				order = append(order, k)
			}
		}
	}
	for i, k := range order {
		add(k, i == 0)
	}
	return sum
}

// formula writes row[0]*x0 + row[1]*x1 + ... for a reader, where x says how a term
// is called.
func formula(row []float32, x string) string {
	var b strings.Builder
	for k, v := range row {
		if v == 0 {
			continue
		}
		sign := " + "
		if v < 0 {
			sign = " - "
		}
		if b.Len() == 0 {
			sign = strings.Trim(sign, "+ ")
		}
		b.WriteString(sign)
		if size := math.Abs(float64(v)); size != 1 {
			fmt.Fprintf(&b, "%.4g*", size)
		}
		fmt.Fprintf(&b, x, k)
	}
	return b.String()
}

// coefficient is a number of a matrix in all lanes, in memory.
func (s simd) coefficient(x float32) Op {
	bits := math.Float32bits(x)
	name := fmt.Sprintf("winograd%s_%08x", s.suffix, bits)
	if !constants[name] {
		constants[name] = true
		GLOBL(name, RODATA|NOPTR)
		for i := range s.lanes {
			DATA(4*i, U32(bits))
		}
	}
	return NewDataAddr(NewStaticSymbol(name), 0)
}
