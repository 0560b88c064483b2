package pickle

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// global reads the name of a function; NumPy 2 has moved its package core to _core.
func (m *machine) global(op byte) error {
	var module, name string
	if op == 'c' {
		for _, into := range []*string{&module, &name} {
			n := bytes.IndexByte(m.b[m.at:], '\n')
			if n < 0 {
				return errEnd
			}
			line, err := m.take(uint64(n + 1))
			if err != nil {
				return err
			}
			*into = string(line[:n])
		}
	} else {
		v, err := m.pop(2)
		if err != nil {
			return err
		}
		var ok [2]bool
		module, ok[0] = v[0].(string)
		name, ok[1] = v[1].(string)
		if ok != [2]bool{true, true} {
			return fmt.Errorf("found a function without a name")
		}
	}
	f := function(strings.Replace(module, "numpy._core.", "numpy.core.", 1) + "." + name)
	if !slices.Contains([]function{reconstruct, fromBuffer, ndarray, dtype, encode}, f) {
		return fmt.Errorf("found %.80q, which is no array: functions of a pickle are not carried out", module+"."+name)
	}
	return m.push(f, nil)
}

// call carries out REDUCE and BUILD for the functions that make arrays.
func (m *machine) call(op byte) error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	args, _ := v[1].(Tuple)
	for _, a := range args {
		text, _ := a.(string)
		if m.made += len(text); m.made > 4*len(m.b) {
			return fmt.Errorf("found arrays of %d bytes in a pickle of %d", m.made, len(m.b))
		}
	}
	if op == 'b' {
		out, err := build(v[0], args)
		return m.push(out, err)
	}
	switch f, _ := v[0].(function); {
	case f == reconstruct && len(args) == 3 && args[0] == ndarray:
		return m.push(&Array{}, nil)
	case f == dtype && len(args) == 3:
		code, _ := args[0].(string)
		return m.push(element{code}, nil)
	case f == encode && len(args) == 2 && (args[1] == "latin1" || args[1] == "latin-1"):
		text, _ := args[0].(string)
		return m.push(latin1(text))
	case f == fromBuffer && len(args) == 4:
		a, err := array(args[2], args[1], args[3] == "F", args[0])
		return m.push(a, err)
	}
	f, _ := v[0].(function)
	return fmt.Errorf("found a call of %q that makes no array", f)
}

// build gives what REDUCE made its state.
func build(v any, state Tuple) (any, error) {
	switch v := v.(type) {
	case element:
		return v, nil // byte order and fields, which bytes do not have
	case *Array:
		if len(state) == 5 && len(v.Shape) == 0 {
			a, err := array(state[1], state[2], state[3] == true, state[4])
			if err == nil {
				*v = *a
			}
			return v, err
		}
	}
	return nil, fmt.Errorf("found a state of a %T, expected that of an array", v)
}

// array puts an array together; of Fortran's order it makes that of C.
func array(shape, elements any, fortran bool, data any) (*Array, error) {
	dims, ok := shape.(Tuple)
	text, isBytes := data.(string)
	e, _ := elements.(element)
	if !ok || !isBytes || strings.TrimPrefix(e.code, "|") != "u1" {
		return nil, fmt.Errorf("found an array of %q, expected one of bytes (u1)", e.code)
	}
	a := &Array{Data: []byte(text)}
	size := int64(1)
	for _, d := range dims {
		n, ok := d.(int64)
		if !ok {
			return nil, fmt.Errorf("found a shape that holds a %T, expected numbers", d)
		}
		if n < 1 || n > int64(len(text)) || size > int64(len(text)) {
			return nil, fmt.Errorf("found an array with a side of %d in %d bytes", n, len(text))
		}
		size *= n
		a.Shape = append(a.Shape, int(n))
	}
	if size != int64(len(text)) || len(dims) == 0 || fortran && len(dims) > 2 {
		return nil, fmt.Errorf("found an array of shape %v in %d bytes", dims, len(text))
	}
	if fortran && len(dims) == 2 {
		rows, columns := a.Shape[0], a.Shape[1]
		for i := range rows {
			for j := range columns {
				a.Data[i*columns+j] = text[j*rows+i]
			}
		}
	}
	return a, nil
}

// latin1 returns the bytes of a text of characters up to 255.
func latin1(text string) (string, error) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 255 {
			return "", fmt.Errorf("found the character %q among bytes", r)
		}
		out = append(out, byte(r))
	}
	return string(out), nil
}
