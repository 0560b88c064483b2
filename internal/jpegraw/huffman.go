package jpegraw

import "errors"

// huffman is a table of codes (T.81, annex C): a code of n bits is the value in order
// that its distance to the first code of n bits tells.
type huffman struct {
	values []byte
	first  [17]int32   // the first code of n bits
	count  [17]int32   // codes of n bits
	start  [17]int32   // values before those of n bits
	short  [256]uint16 // for codes of up to 8 bits: value and, above it, their length
}

var errCode = errors.New("found bits that are no Huffman code")

// tables reads Huffman tables (T.81, B.2.4.2).
func (d *decoder) tables(seg []byte) error {
	for len(seg) > 0 {
		if len(seg) < 17 || seg[0]>>4 > 1 || seg[0]&15 > 3 {
			return errors.New("Huffman table: found a segment that is none")
		}
		t := &huffman{}
		var n, code int32
		for l := 1; l <= 16; l++ {
			t.count[l], t.first[l], t.start[l] = int32(seg[l]), code, n
			if code+t.count[l] > 1<<l {
				return errors.New("Huffman table: found more codes than there are")
			}
			n += t.count[l]
			code = (code + t.count[l]) << 1
		}
		if n == 0 || n > 256 || len(seg) < 17+int(n) {
			return errors.New("Huffman table: found a number of codes that does not fit its length")
		}
		t.values = seg[17 : 17+n]
		for l := 1; l <= 8; l++ {
			for k := range t.count[l] {
				from := (t.first[l] + k) << (8 - l)
				for i := range int32(1) << (8 - l) {
					t.short[from+i] = uint16(l)<<8 | uint16(t.values[t.start[l]+k])
				}
			}
		}
		d.huffmans[seg[0]>>4][seg[0]&15] = t
		seg = seg[17+n:]
	}
	return nil
}

// bits reads the bits of a scan. A byte 0 after 0xff is left out; any other is a marker,
// where the bits end.
type bits struct {
	b   []byte
	at  int
	acc uint32 // the next n bits are the lowest of acc
	n   int
}

// errShort is where a scan has fewer bits than its image needs.
var errShort = errors.New("the compressed data end too early")

// fill gets at least 16 bits, or all that there are.
func (r *bits) fill() {
	for r.n <= 24 && r.at < len(r.b) {
		c := r.b[r.at]
		if c == 0xff {
			if r.at+1 >= len(r.b) || r.b[r.at+1] != 0 {
				return
			}
			r.at++
		}
		r.at++
		r.acc = r.acc<<8 | uint32(c)
		r.n += 8
	}
}

// take returns the next k bits, at most 16.
func (r *bits) take(k int) (int32, error) {
	if r.n < k {
		if r.fill(); r.n < k {
			return 0, errShort
		}
	}
	r.n -= k
	return int32(r.acc >> r.n & (1<<k - 1)), nil
}

// symbol returns the value of the next Huffman code.
func (r *bits) symbol(t *huffman) (byte, error) {
	if r.n < 16 {
		r.fill()
	}
	var next uint32 // 16 bits, zeros behind the end
	if r.n >= 16 {
		next = r.acc >> (r.n - 16) & 0xffff
	} else {
		next = r.acc << (16 - r.n) & 0xffff
	}
	if e := t.short[next>>8]; e != 0 {
		return byte(e), r.skip(int(e >> 8))
	}
	for l := 9; l <= 16; l++ {
		if k := int32(next>>(16-l)) - t.first[l]; k >= 0 && k < t.count[l] {
			return t.values[t.start[l]+k], r.skip(l)
		}
	}
	if r.n < 16 {
		return 0, errShort
	}
	return 0, errCode
}

func (r *bits) skip(k int) error {
	if r.n -= k; r.n < 0 {
		return errShort
	}
	return nil
}

// extended returns a number of s bits: those that begin with 0 are negative (T.81,
// F.2.2.1).
func (r *bits) extended(s int) (int32, error) {
	v, err := r.take(s)
	if s > 0 && v < 1<<(s-1) {
		v += -1<<s + 1
	}
	return v, err
}
