package jpegraw

import (
	"errors"
	"fmt"
	"math"
)

// pass is one scan: which coefficients, and which of their bits (T.81, G.1.1.1).
type pass struct {
	from, to  int // in the order of the file
	high, low int // successive approximation: bits known before; bits still missing after
	eobRun    int // blocks that have no more coefficients in this band
}

// scan reads one scan, its header and its data.
func (d *decoder) scan(seg []byte) error {
	if d.scans++; d.scans > maxScans {
		return fmt.Errorf("found more than %d scans", maxScans)
	}
	if len(seg) < 1 || len(seg) != 4+2*int(seg[0]) || seg[0] < 1 || int(seg[0]) > len(d.comps) {
		return errors.New("scan header: found a segment that is none")
	}
	tail := seg[len(seg)-3:]
	p := &pass{from: int(tail[0]), to: int(tail[1]), high: int(tail[2] >> 4), low: int(tail[2] & 15)}
	if !d.progressive {
		p = &pass{to: 63}
	}
	if p.from > p.to || p.to > 63 || p.from == 0 && d.progressive && p.to > 0 || p.low > 13 ||
		p.high > 0 && p.high != p.low+1 || p.from > 0 && seg[0] > 1 {
		return fmt.Errorf("scan header: found coefficients %d to %d, bits %d to %d of %d components",
			p.from, p.to, p.high, p.low, seg[0])
	}
	var in []*component
	blocks := 0
	for s := seg[1 : len(seg)-3]; len(s) > 0; s = s[2:] {
		c, err := d.inScan(s[0], s[1], p)
		if err != nil {
			return err
		}
		for _, other := range in {
			if other == c {
				return fmt.Errorf("scan header: component %d is there twice", c.id)
			}
		}
		in = append(in, c)
		blocks += c.h * c.v
	}
	if len(in) > 1 && blocks > 10 {
		return fmt.Errorf("scan header: found %d blocks in a unit of the scan, expected at most 10", blocks)
	}
	d.bits = bits{b: d.b, at: d.at}
	err := d.units(in, p)
	d.at = d.bits.at
	return err
}

// inScan returns a component with the tables that the scan names for it.
func (d *decoder) inScan(id, tables byte, p *pass) (*component, error) {
	for i := range d.comps {
		c := &d.comps[i]
		if c.id != id {
			continue
		}
		if tables>>4 > 3 || tables&15 > 3 {
			return nil, fmt.Errorf("scan header: component %d: found Huffman tables %d and %d, expected 0 to 3", id, tables>>4, tables&15)
		}
		c.dc, c.ac, c.pred = d.huffmans[0][tables>>4], d.huffmans[1][tables&15], 0
		if c.dc == nil && p.from == 0 && p.high == 0 || c.ac == nil && p.to > 0 {
			return nil, fmt.Errorf("scan header: component %d: its Huffman table is missing", id)
		}
		if c.quant == nil {
			if c.quant = d.quants[c.table]; c.quant == nil {
				return nil, fmt.Errorf("component %d: its quantization table %d is missing", id, c.table)
			}
			c.coefs = make([]int16, 64*c.columns*c.rows)
		}
		return c, nil
	}
	return nil, fmt.Errorf("scan header: found component %d, which the frame does not have", id)
}

// units reads the data of a scan: blocks of a component alone, or units of blocks of
// several, with restart markers between as many of them as the file says.
func (d *decoder) units(in []*component, p *pass) error {
	nx, ny := ceilDiv(d.w, 8*d.maxH), ceilDiv(d.h, 8*d.maxV)
	if len(in) == 1 {
		nx, ny = in[0].usedX, in[0].usedY
	}
	for k := range nx * ny {
		if d.restart > 0 && k > 0 && k%d.restart == 0 {
			if err := d.bits.restart(k/d.restart - 1); err != nil {
				return err
			}
			p.eobRun = 0
			for _, c := range in {
				c.pred = 0
			}
		}
		x, y := k%nx, k/nx
		if len(in) == 1 {
			if err := d.block(in[0], x, y, p); err != nil {
				return err
			}
			continue
		}
		for _, c := range in {
			for i := range c.h * c.v {
				if err := d.block(c, x*c.h+i%c.h, y*c.v+i/c.h, p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// restart goes behind the restart marker with the number k modulo 8.
func (r *bits) restart(k int) error {
	for r.at+1 < len(r.b) && r.b[r.at] == 0xff && r.b[r.at+1] == 0xff {
		r.at++
	}
	if r.at+1 >= len(r.b) {
		return errShort
	}
	if want := byte(rst0 + k%8); r.b[r.at] != 0xff || r.b[r.at+1] != want {
		return fmt.Errorf("restart marker: found %02x %02x, expected ff %02x", r.b[r.at], r.b[r.at+1], want)
	}
	*r = bits{b: r.b, at: r.at + 2}
	return nil
}

// block reads what a scan says about one block.
func (d *decoder) block(c *component, x, y int, p *pass) error {
	i := 64 * (y*c.columns + x)
	b := (*[64]int16)(c.coefs[i:])
	if p.high > 0 {
		return d.refine(c, b, p)
	}
	k := p.from
	if k == 0 {
		s, err := d.bits.symbol(c.dc)
		if err != nil {
			return err
		}
		if s > 15 {
			return errCode
		}
		diff, err := d.bits.extended(int(s))
		if err != nil {
			return err
		}
		c.pred += diff
		b[0] = int16(c.pred << p.low)
		k = 1
	}
	if p.eobRun > 0 {
		p.eobRun--
		return nil
	}
	for ; k <= p.to; k++ {
		sym, err := d.bits.symbol(c.ac)
		if err != nil {
			return err
		}
		run, s := int(sym>>4), int(sym&15)
		switch {
		case s == 0 && run == 15:
			k += 15
			continue
		case s == 0:
			return d.endOfBand(run, p)
		}
		if k += run; k > p.to {
			return errCode
		}
		v, err := d.bits.extended(s)
		if err != nil {
			return err
		}
		b[zigzag[k]] = int16(v << p.low)
	}
	return nil
}

// endOfBand reads how many blocks, this one among them, have no more coefficients; in
// files that are not progressive it is one.
func (d *decoder) endOfBand(run int, p *pass) error {
	if !d.progressive {
		return nil
	}
	more, err := d.bits.take(run)
	p.eobRun = 1<<run + int(more) - 1
	return err
}

// refine reads one more bit of the coefficients of a block (T.81, G.1.2.3).
func (d *decoder) refine(c *component, b *[64]int16, p *pass) error {
	bit := int16(1) << p.low
	if p.from == 0 {
		v, err := d.bits.take(1)
		if v == 1 {
			b[0] |= bit
		}
		return err
	}
	k := p.from
	for k <= p.to && p.eobRun == 0 {
		sym, err := d.bits.symbol(c.ac)
		if err != nil {
			return err
		}
		run, s := int(sym>>4), sym&15
		var fresh int16 // a coefficient that is 0 so far
		switch {
		case s == 1:
			v, err := d.bits.take(1)
			if err != nil {
				return err
			}
			if fresh = bit; v == 0 {
				fresh = -bit
			}
		case s != 0:
			return errCode
		case run < 15:
			if err := d.endOfBand(run, p); err != nil {
				return err
			}
			p.eobRun++ // this block is counted at the end
			continue
		}
		// Go on to the place behind run coefficients that are still 0.
		if k, err = d.refineOld(b, k, p.to, run, bit); err != nil {
			return err
		}
		if fresh != 0 {
			if k > p.to {
				return errCode
			}
			b[zigzag[k]] = fresh
		}
		k++
	}
	if p.eobRun > 0 {
		p.eobRun--
		_, err := d.refineOld(b, k, p.to, 64, bit)
		return err
	}
	return nil
}

// refineOld gives coefficients other than 0 their next bit, from position k on, until run
// zeros are passed and another one is reached. It returns the position of that.
func (d *decoder) refineOld(b *[64]int16, k, to, run int, bit int16) (int, error) {
	for ; k <= to; k++ {
		v := &b[zigzag[k]]
		if *v == 0 {
			if run == 0 {
				break
			}
			run--
			continue
		}
		more, err := d.bits.take(1)
		if err != nil {
			return k, err
		}
		if more == 1 && *v&bit == 0 {
			if *v > 0 {
				*v += bit
			} else {
				*v -= bit
			}
		}
	}
	return k, nil
}

// cosines[x][u] is c(u)/2 cos((2x+1)u pi/16), the inverse cosine transform of 8 values
// (T.81, A.3.3), in units of 2^-scale. Whole numbers give the same pixels on every
// machine.
const scale = 18

var cosines = makeCosines()

func makeCosines() (t [8][8]int64) {
	for x := range t {
		for u := range t[x] {
			c := 0.5
			if u == 0 {
				c = math.Sqrt2 / 4
			}
			t[x][u] = int64(math.Round(c * math.Cos(float64((2*x+1)*u)*math.Pi/16) * (1 << scale)))
		}
	}
	return t
}

// samples returns the plane of a component: coefficients times their quantization, the
// inverse cosine transform, and 128 added.
func (c *component) samples() []uint8 {
	pix := make([]uint8, 64*c.columns*c.rows)
	stride := 8 * c.columns
	for i := range c.columns * c.rows {
		coefs := c.coefs[64*i : 64*i+64]
		var f, half [64]int64 // coefficients; rows transformed
		for k, v := range coefs {
			f[k] = min(max(int64(v)*int64(c.quant[k]), -1<<16), 1<<16)
		}
		for y := range 8 {
			row := f[8*y : 8*y+8]
			for x := range 8 {
				var sum int64
				for u, v := range row {
					sum += cosines[x][u] * v
				}
				half[8*y+x] = sum
			}
		}
		at := i/c.columns*8*stride + i%c.columns*8
		for x := range 8 {
			for y := range 8 {
				var sum int64
				for v := range 8 {
					sum += cosines[y][v] * half[8*v+x]
				}
				v := (sum + 1<<(2*scale-1)) >> (2 * scale)
				pix[at+y*stride+x] = uint8(min(max(v+128, 0), 255))
			}
		}
	}
	return pix
}
