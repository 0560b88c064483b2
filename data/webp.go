package data

import (
	"encoding/binary"
	"image"
)

// firstWebPFrame returns the first frame of an animated WebP as a WebP of its own, with
// the size of the canvas and the frame's corner on it (WebP Container Specification,
// "Animation"). ok is false for all other files: package webp reads those.
func firstWebPFrame(b []byte) (frame []byte, canvas, at image.Point, ok bool) {
	const head, chunk, anmf = 12, 8, 16 // bytes of the headers
	if len(b) < head+chunk+10 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WEBPVP8X" || b[20]&2 == 0 {
		return nil, canvas, at, false
	}
	canvas = image.Pt(1+uint24(b[24:]), 1+uint24(b[27:]))
	for rest := b[head:]; len(rest) >= chunk; {
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if size > int64(len(rest)-chunk) {
			break
		}
		if body := rest[chunk : chunk+size]; string(rest[:4]) == "ANMF" && size >= anmf {
			return stillWebP(body[6:12], body[anmf:]), canvas, image.Pt(2*uint24(body), 2*uint24(body[3:])), true
		}
		rest = rest[min(chunk+size+size%2, int64(len(rest))):]
	}
	return nil, canvas, at, false
}

// stillWebP puts chunks of image data into a file; size is width and height, 24 bits each,
// less 1.
func stillWebP(size, chunks []byte) []byte {
	var flags byte
	if len(chunks) > 4 && string(chunks[:4]) == "ALPH" {
		flags = 1 << 4
	}
	out := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), flags, 0, 0, 0)
	out = append(append(out, size...), chunks...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// onCanvas returns r at a place on a black canvas of a size.
func (r raster) onCanvas(size, at image.Point) raster {
	if size == image.Pt(r.w, r.h) && at == (image.Point{}) {
		return r
	}
	out := raster{h: size.Y, w: size.X, pix: make([]uint8, size.Y*size.X*3)}
	seen := image.Rectangle{Min: at, Max: at.Add(image.Pt(r.w, r.h))}.Intersect(image.Rectangle{Max: size})
	for y := seen.Min.Y; y < seen.Max.Y; y++ {
		copy(out.pix[3*(y*out.w+seen.Min.X):3*(y*out.w+seen.Max.X)], r.pix[3*((y-at.Y)*r.w+seen.Min.X-at.X):])
	}
	return out
}
