package data

import "image"

// JPEG and WebP store colour (Cb and Cr) at half the resolution as a rule.
// Package image takes the nearest colour value for each pixel. The decoders of
// everybody else, libjpeg-turbo and libwebp, mix the neighbours with the weights
// 3/4 and 1/4 in each direction ("fancy upsampling"), and so does this file.

// fromYCbCr fills r from a decoded JPEG or (lossy) WebP.
func (r *raster) fromYCbCr(img *image.YCbCr, format string) {
	convert := jpegRGB
	if format == "webp" {
		convert = webpRGB
	}
	sx, sy := shared(img.SubsampleRatio)
	cb := r.upsample(img.Cb, img.CStride, sx, sy, format)
	cr := r.upsample(img.Cr, img.CStride, sx, sy, format)
	for y := range r.h {
		luma := img.Y[y*img.YStride:]
		for x := range r.w {
			i := y*r.w + x
			convert(r.pix[3*i:3*i+3:3*i+3], int(luma[x]), int(cb[i]), int(cr[i]))
		}
	}
}

// jpegRGB is the colour conversion of JFIF with the fixed-point rounding of
// libjpeg.
func jpegRGB(p []uint8, y, cb, cr int) {
	cb, cr = cb-128, cr-128
	p[0] = clip(y + (91881*cr+1<<15)>>16)           // 1.402
	p[1] = clip(y + (-22554*cb-46802*cr+1<<15)>>16) // -0.344136, -0.714136
	p[2] = clip(y + (116130*cb+1<<15)>>16)          // 1.772
}

// webpRGB is the colour conversion of libwebp: ITU-R BT.601 with luma from 16 to
// 235 (VP8's), not from 0 to 255 as in JPEG.
func webpRGB(p []uint8, y, cb, cr int) {
	luma := y * 19077 >> 8
	p[0] = clip((luma + cr*26149>>8 - 14234) >> 6)
	p[1] = clip((luma - cb*6419>>8 - cr*13320>>8 + 8708) >> 6)
	p[2] = clip((luma + cb*33050>>8 - 17685) >> 6)
}

func clip(v int) uint8 { return uint8(max(0, min(255, v))) }

// shared returns how many pixels, across and down, share a colour value.
func shared(ratio image.YCbCrSubsampleRatio) (sx, sy int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// upsample returns the plane src, whose values each serve sx x sy pixels, at the size of
// the image, [h,w].
func (r *raster) upsample(src []uint8, stride, sx, sy int, format string) []uint8 {
	dst := make([]uint8, r.h*r.w)
	w, h := (r.w+sx-1)/sx, (r.h+sy-1)/sy
	// libjpeg takes the nearest value where colours are few, too.
	if sx > 2 || sy > 2 || sx == 1 && sy == 1 || format == "jpeg" && sx == 2 && w <= 2 {
		for y := range r.h {
			for x := range r.w {
				dst[y*r.w+x] = src[y/sy*stride+x/sx]
			}
		}
		return dst
	}
	sums := make([]int, w) // of two rows, weights 3 and 1, or of one
	for y := range r.h {
		near := y / sy
		far, scale := near, 1
		if sy == 2 {
			// The colour row on the other side of this pixel row; at the border the
			// same one again.
			far, scale = min(max(near+y%2*2-1, 0), h-1), 4
		}
		a, b := src[near*stride:], src[far*stride:]
		for x := range sums {
			if sums[x] = int(a[x]); sy == 2 {
				sums[x] = 3*int(a[x]) + int(b[x])
			}
		}
		row := dst[y*r.w : (y+1)*r.w]
		if sx == 1 {
			for x := range row {
				row[x] = uint8((sums[x] + 1 + y%2) >> 2)
			}
			continue
		}
		// libjpeg rounds to either side by turns, so that no direction is
		// preferred; libwebp rounds halves up.
		left, right := 2*scale, 2*scale-1
		if sy == 1 {
			left, right = 1, 2
		}
		if format == "webp" {
			left, right = 2*scale, 2*scale
		}
		shift := 2
		if sy == 2 {
			shift = 4
		}
		for x := range row {
			k := x / 2
			if x%2 == 0 {
				row[x] = uint8((3*sums[k] + sums[max(k-1, 0)] + left) >> shift)
			} else {
				row[x] = uint8((3*sums[k] + sums[min(k+1, w-1)] + right) >> shift)
			}
		}
	}
	return dst
}
