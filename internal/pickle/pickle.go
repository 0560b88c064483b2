// Package pickle reads Python pickles of plain values: numbers, texts, lists, tuples,
// dictionaries by text, and NumPy arrays of bytes. Nothing is executed: a pickle that
// needs any other function or class is an error that names it. Opcodes and their meaning
// are those of Python's pickletools, protocols 2 to 5.
package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Array is a NumPy array of uint8, row by row.
type Array struct {
	Shape []int
	Data  []byte
}

// List is a Python list.
type List struct{ Items []any }

// Dict is a dictionary whose keys are texts or bytes.
type Dict map[string]any

// Tuple is a Python tuple.
type Tuple []any

// Values besides: nil, bool, int64, and string for texts and bytes alike.

// function is one of the few that a pickle of arrays names.
type function string

const (
	reconstruct = function("numpy.core.multiarray._reconstruct") // an empty array, filled by BUILD
	fromBuffer  = function("numpy.core.numeric._frombuffer")     // protocol 5
	ndarray     = function("numpy.ndarray")
	dtype       = function("numpy.dtype")
	encode      = function("_codecs.encode") // bytes, in protocol 2 of Python 3
)

// element is the type of an array's elements.
type element struct{ code string }

// maxSteps bounds the opcodes, and so the values that are held at once.
const maxSteps = 2 << 20

var errEnd = errors.New("the pickle ends too early")

type machine struct {
	b     []byte
	at    int
	stack []any
	marks []int
	memo  map[uint32]any
	made  int // bytes of arrays
}

// Decode returns the value of a pickle. It takes a few times the memory of b at most.
func Decode(b []byte) (v any, err error) {
	if len(b) < 2 || b[0] != 0x80 || b[1] < 2 || b[1] > 5 {
		return nil, errors.New("found no pickle of protocol 2 to 5")
	}
	m := &machine{b: b, at: 2, memo: map[uint32]any{}}
	for range maxSteps {
		at := m.at
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			if len(m.stack) != 1 || len(m.marks) > 0 {
				return nil, fmt.Errorf("found %d values at the end, expected 1", len(m.stack))
			}
			return m.stack[0], nil
		}
		if err := m.step(op[0]); err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
	}
	return nil, fmt.Errorf("found more than %d opcodes", maxSteps)
}

// take returns the next n bytes.
func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.b)-m.at) {
		return nil, errEnd
	}
	m.at += int(n)
	return m.b[m.at-int(n) : m.at : m.at], nil
}

// number returns an unsigned number of size bytes.
func (m *machine) number(size int) (uint64, error) {
	b, err := m.take(uint64(size))
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// bytes returns bytes whose number is given in size bytes before.
func (m *machine) bytes(size int) (string, error) {
	n, err := m.number(size)
	if err != nil {
		return "", err
	}
	b, err := m.take(n)
	return string(b), err
}

func (m *machine) push(v any, err error) error {
	m.stack = append(m.stack, v)
	return err
}

// pop returns the n uppermost values.
func (m *machine) pop(n int) ([]any, error) {
	floor := 0
	if len(m.marks) > 0 {
		floor = m.marks[len(m.marks)-1]
	}
	if len(m.stack)-n < floor {
		return nil, errors.New("found too few values before this opcode")
	}
	out := slices.Clone(m.stack[len(m.stack)-n:])
	m.stack = m.stack[:len(m.stack)-n]
	return out, nil
}

// popMark returns the values above the last mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("found no mark before this opcode")
	}
	n := len(m.stack) - m.marks[len(m.marks)-1]
	out, err := m.pop(n)
	m.marks = m.marks[:len(m.marks)-1]
	return out, err
}

// sizes are the bytes that give the length of a text or bytes after an opcode.
var sizes = map[byte]int{'U': 1, 'T': 4, 'X': 4, 0x8c: 1, 0x8d: 8, 'C': 1, 'B': 4, 0x8e: 8, 0x96: 8}

// step carries out one opcode.
func (m *machine) step(op byte) error {
	if size, ok := sizes[op]; ok {
		return m.push(m.bytes(size))
	}
	switch op {
	case 0x95: // FRAME: its length tells nothing
		_, err := m.take(8)
		return err
	case '(':
		m.marks = append(m.marks, len(m.stack))
		return nil
	case 'N':
		return m.push(nil, nil)
	case 0x88, 0x89:
		return m.push(op == 0x88, nil)
	case 'K', 'M':
		n, err := m.number(map[byte]int{'K': 1, 'M': 2}[op])
		return m.push(int64(n), err)
	case 'J':
		n, err := m.number(4)
		return m.push(int64(int32(n)), err)
	case '}':
		return m.push(Dict{}, nil)
	case ']':
		return m.push(&List{}, nil)
	case ')':
		return m.push(Tuple{}, nil)
	case 't':
		v, err := m.popMark()
		return m.push(Tuple(v), err)
	case 0x85, 0x86, 0x87:
		v, err := m.pop(int(op - 0x84))
		return m.push(Tuple(v), err)
	case 'a', 'e', 's', 'u':
		return m.fill(op)
	case 'q', 'r', 0x94, 'h', 'j':
		return m.remember(op)
	case 'c', 0x93:
		return m.global(op)
	case 'R', 'b':
		return m.call(op)
	}
	return fmt.Errorf("found the opcode %#02x, expected those of numbers, texts, lists, dictionaries and arrays", op)
}

// fill puts values into the list or dictionary below them.
func (m *machine) fill(op byte) (err error) {
	var v []any
	switch op {
	case 'a':
		v, err = m.pop(1)
	case 's':
		v, err = m.pop(2)
	default:
		v, err = m.popMark()
	}
	if err != nil {
		return err
	}
	if len(m.stack) == 0 {
		return errors.New("found values without a list or dictionary to hold them")
	}
	switch into := m.stack[len(m.stack)-1].(type) {
	case *List:
		if op == 'a' || op == 'e' {
			into.Items = append(into.Items, v...)
			return nil
		}
	case Dict:
		if op != 's' && op != 'u' || len(v)%2 != 0 {
			break
		}
		for ; len(v) > 0; v = v[2:] {
			key, ok := v[0].(string)
			if !ok {
				return fmt.Errorf("found a key that is a %T, expected a text", v[0])
			}
			into[key] = v[1]
		}
		return nil
	}
	return errors.New("found values without a list or dictionary to hold them")
}

// remember puts the uppermost value into the memo or fetches one from there.
func (m *machine) remember(op byte) error {
	key := uint64(len(m.memo))
	if op != 0x94 {
		size := 1
		if op == 'r' || op == 'j' {
			size = 4
		}
		var err error
		if key, err = m.number(size); err != nil {
			return err
		}
	}
	if op == 'h' || op == 'j' {
		v, ok := m.memo[uint32(key)]
		if !ok {
			return fmt.Errorf("found no value %d", key)
		}
		return m.push(v, nil)
	}
	if len(m.stack) == 0 {
		return errors.New("found no value to remember")
	}
	m.memo[uint32(key)] = m.stack[len(m.stack)-1]
	return nil
}
