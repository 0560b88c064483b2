// Package jpegraw decodes JPEG files into their components, each at the resolution at
// which the file stores it (ITU-T T.81; colour models as in the JFIF and Adobe
// conventions). It reads what image/jpeg does not: four components with colour at half
// resolution or without an Adobe marker, sampling factors that differ between the colour
// components, and restart markers in scans of a single component. Interpolation and
// conversion of colour are the caller's.
package jpegraw

import (
	"errors"
	"fmt"
)

// Model is what the components of an image mean.
type Model int

// The models.
const (
	Gray  Model = iota // one component
	YCbCr              // luma, blue and red differences
	RGB                // red, green, blue
	CMYK               // inks and black, as stored: programs of Adobe store 255 minus ink
	YCCK               // the first three of CMYK as YCbCr
)

// Header is what the frame header and the markers before the first scan say.
type Header struct {
	W, H        int
	Model       Model
	Progressive bool
	Sampling    [][2]int // of each component, horizontal and vertical factor, 1 to 4
	// RGBIDs says that the components are called R, G and B, which readers interpret
	// differently where an Adobe marker says something else.
	RGBIDs bool
}

// Component is one decoded plane: row y begins at Pix[y*Stride] and has W samples; there
// are H rows. SX x SY pixels of the image share a sample.
type Component struct {
	W, H, Stride int
	SX, SY       int
	Pix          []uint8
}

// Image is a decoded file.
type Image struct {
	Header
	Components []Component
}

// errEnd is the end of the file where more must follow.
var errEnd = errors.New("the file ends too early")

// ReadHeader reads up to the first scan.
func ReadHeader(b []byte) (Header, error) {
	d := decoder{b: b}
	if err := d.segments(true); err != nil {
		return Header{}, err
	}
	return d.header(), nil
}

// Decode decodes a whole file. Files that libjpeg does not read, broken ones and those
// with arithmetic coding are errors that say which they are. The caller checks the size
// before (ReadHeader): Decode takes about 3 bytes for each sample.
func Decode(b []byte) (*Image, error) {
	d := decoder{b: b}
	if err := d.segments(false); err != nil {
		return nil, err
	}
	img := &Image{Header: d.header()}
	for i := range d.comps {
		c := &d.comps[i]
		if c.quant == nil {
			return nil, fmt.Errorf("component %d of %d: found no scan of it", i+1, len(d.comps))
		}
		img.Components = append(img.Components, Component{
			W: ceilDiv(d.w*c.h, d.maxH), H: ceilDiv(d.h*c.v, d.maxV), Stride: 8 * c.columns,
			SX: d.maxH / c.h, SY: d.maxV / c.v, Pix: c.samples()})
	}
	return img, nil
}

// component is a component of the frame and its coefficients.
type component struct {
	id            byte
	h, v          int // sampling factors
	columns, rows int // blocks allocated, whole MCUs
	usedX, usedY  int // blocks that a scan of this component alone has
	table         byte
	quant         *[64]int32 // the table at the component's first scan, natural order
	coefs         []int16    // rows x columns blocks of 64, natural order
	dc, ac        *huffman   // of the current scan
	pred          int32      // DC of the block before
}

type decoder struct {
	b           []byte
	at          int
	w, h        int
	framed      bool
	progressive bool
	comps       []component
	maxH, maxV  int
	quants      [4]*[64]int32
	huffmans    [2][4]*huffman // DC, AC
	restart     int            // MCUs between two restart markers, 0: none
	jfif        bool
	adobe       int // transform of the Adobe marker, -1: no marker
	scans       int
	bits        bits
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// header follows libjpeg's rules for the colour model.
func (d *decoder) header() Header {
	h := Header{W: d.w, H: d.h, Progressive: d.progressive}
	for _, c := range d.comps {
		h.Sampling = append(h.Sampling, [2]int{c.h, c.v})
	}
	switch len(d.comps) {
	case 1:
		h.Model = Gray
	case 3:
		h.Model = YCbCr
		h.RGBIDs = d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B'
		if !d.jfif && (d.adobe == 0 || d.adobe < 0 && h.RGBIDs) {
			h.Model = RGB
		}
	case 4:
		if h.Model = CMYK; d.adobe > 0 {
			h.Model = YCCK
		}
	}
	return h
}

// Markers (T.81, table B.1).
const (
	sof0, sof2, dht, dac   = 0xc0, 0xc2, 0xc4, 0xcc
	rst0, soi, eoi, sos    = 0xd0, 0xd8, 0xd9, 0xda
	dqt, dnl, dri, dhp     = 0xdb, 0xdc, 0xdd, 0xde
	app0, app14, tem, jpg0 = 0xe0, 0xee, 0x01, 0xc8
)

// maxScans is far beyond what any encoder writes: a scan of a few bytes costs as much
// time as the image has blocks.
const maxScans = 500

// segments reads marker segments and scans to the end of the image, or up to the first
// scan only.
func (d *decoder) segments(headerOnly bool) error {
	d.adobe = -1
	if len(d.b) < 2 || d.b[0] != 0xff || d.b[1] != soi {
		return errors.New("found no start of an image (ff d8)")
	}
	d.at = 2
	for {
		m, err := d.marker()
		if err != nil {
			return err
		}
		if m == eoi {
			if d.scans == 0 {
				return errors.New("the image ends before its first scan")
			}
			return nil
		}
		if m == tem || m >= rst0 && m < soi {
			continue // markers without a segment
		}
		seg, err := d.segment()
		if err != nil {
			return err
		}
		switch {
		case m == sos:
			if !d.framed {
				return errors.New("found a scan before the frame header")
			}
			if headerOnly {
				return nil
			}
			err = d.scan(seg)
		case m == dht:
			err = d.tables(seg)
		case m == dqt:
			err = d.quantization(seg)
		case m == dri:
			if len(seg) != 2 {
				return fmt.Errorf("restart interval: found a segment of %d bytes, expected 2", len(seg))
			}
			d.restart = be16(seg)
		case m == app0:
			d.jfif = d.jfif || len(seg) >= 14 && string(seg[:5]) == "JFIF\x00"
		case m == app14:
			if len(seg) >= 12 && string(seg[:5]) == "Adobe" {
				d.adobe = int(seg[11])
			}
		case m == dnl || m == dhp:
			return errors.New("a height given after the image, or a hierarchical file, is not read")
		case m >= sof0 && m <= 0xcf && m != dac:
			err = d.frame(m, seg)
		}
		if err != nil {
			return err
		}
	}
}

func be16(b []byte) int { return int(b[0])<<8 | int(b[1]) }

// marker returns the next marker; what is none is passed over, as libjpeg does.
func (d *decoder) marker() (byte, error) {
	for d.at < len(d.b) {
		if d.b[d.at] != 0xff {
			d.at++
			continue
		}
		for d.at < len(d.b) && d.b[d.at] == 0xff {
			d.at++
		}
		if d.at < len(d.b) {
			d.at++
			if m := d.b[d.at-1]; m != 0 {
				return m, nil
			}
		}
	}
	return 0, errEnd
}

// segment returns the bytes that follow a marker, without their length.
func (d *decoder) segment() ([]byte, error) {
	if d.at+2 > len(d.b) {
		return nil, errEnd
	}
	n := be16(d.b[d.at:])
	if n < 2 {
		return nil, fmt.Errorf("segment: found a length of %d, expected at least 2", n)
	}
	if d.at+n > len(d.b) {
		return nil, errEnd
	}
	seg := d.b[d.at+2 : d.at+n]
	d.at += n
	return seg, nil
}

// frame reads a frame header (T.81, B.2.2).
func (d *decoder) frame(m byte, seg []byte) error {
	switch m {
	case sof0, sof0 + 1, sof2:
	case 0xc3:
		return errors.New("lossless coding is not read: save the image as PNG, or as JPEG of the usual kind")
	case 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf:
		return errors.New("arithmetic coding is not read: write the file again with Huffman coding (jpegtran does, " +
			"without loss)")
	case jpg0:
		return errors.New("found a frame header of an extension of JPEG, which is not read")
	default:
		return errors.New("hierarchical coding is not read")
	}
	if d.framed {
		return errors.New("found a second frame header")
	}
	if len(seg) < 6 || len(seg) != 6+3*int(seg[5]) {
		return fmt.Errorf("frame header: found %d bytes, which is not a list of components", len(seg))
	}
	if seg[0] != 8 {
		return fmt.Errorf("precision: found %d bits a sample, expected 8", seg[0])
	}
	d.h, d.w, d.progressive = be16(seg[1:]), be16(seg[3:]), m == sof2
	if d.h == 0 || d.w == 0 {
		return fmt.Errorf("size: found %d x %d, expected at least 1 x 1", d.w, d.h)
	}
	if n := seg[5]; n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("components: found %d, expected 1, 3 or 4", n)
	}
	for s := seg[6:]; len(s) > 0; s = s[3:] {
		c := component{id: s[0], h: int(s[1] >> 4), v: int(s[1] & 15), table: s[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return fmt.Errorf("component %d: found sampling %dx%d and table %d, expected 1 to 4 and 0 to 3", c.id, c.h, c.v,
				c.table)
		}
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
		d.comps = append(d.comps, c)
	}
	for i := range d.comps {
		c := &d.comps[i]
		if d.maxH%c.h != 0 || d.maxV%c.v != 0 {
			return fmt.Errorf("sampling factors: found %dx%d next to %dx%d, expected divisors: libjpeg reads no others either",
				c.h, c.v, d.maxH, d.maxV)
		}
		c.usedX, c.usedY = ceilDiv(ceilDiv(d.w*c.h, d.maxH), 8), ceilDiv(ceilDiv(d.h*c.v, d.maxV), 8)
		c.columns, c.rows = ceilDiv(d.w, 8*d.maxH)*c.h, ceilDiv(d.h, 8*d.maxV)*c.v
	}
	d.framed = true
	return nil
}

// zigzag is the natural position of each coefficient in the order of the file.
var zigzag = makeZigzag()

func makeZigzag() (z [64]int) {
	k := 0
	for s := range 15 { // diagonals, in turns up and down
		for i := range s + 1 {
			y := i
			if s%2 == 0 {
				y = s - i
			}
			if x := s - y; x < 8 && y < 8 {
				z[k] = 8*y + x
				k++
			}
		}
	}
	return z
}

// quantization reads quantization tables (T.81, B.2.4.1).
func (d *decoder) quantization(seg []byte) error {
	for len(seg) > 0 {
		wide, id := int(seg[0]>>4), seg[0]&15
		n := 64 * (1 + wide)
		if wide > 1 || id > 3 || len(seg) < 1+n {
			return fmt.Errorf("quantization table: found number %d, precision %d and %d bytes", id, wide, len(seg)-1)
		}
		var q [64]int32
		for k := range q {
			if q[zigzag[k]] = int32(seg[1+k]); wide == 1 {
				q[zigzag[k]] = int32(be16(seg[1+2*k:]))
			}
		}
		d.quants[id], seg = &q, seg[1+n:]
	}
	return nil
}
