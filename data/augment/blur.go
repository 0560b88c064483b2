package augment

import (
	"fmt"
	"math"
)

// GaussianBlur convolves img (h,w,c) in place with a Gaussian of standard deviation
// sigma, cut to kernel x kernel pixels; beyond the border the image is its own
// mirror image, without the border pixel twice (torchvision's gaussian_blur).
// kernel must be odd and its half less than h and w. tmp is memory of the size
// of img.
func GaussianBlur(img, tmp []float32, h, w, c, kernel int, sigma float64) {
	half := kernel / 2
	if len(img) != h*w*c || len(tmp) != len(img) || kernel%2 == 0 || half >= h || half >= w {
		panic(fmt.Sprintf("augment: GaussianBlur: kernel %d, img of %d and tmp of %d values for the shape (%d,%d,%d)",
			kernel, len(img), len(tmp), h, w, c))
	}
	weight := func(d int) float64 { return math.Exp(-float64(d*d) / (2 * sigma * sigma)) }
	sum := weight(0)
	for d := 1; d <= half; d++ {
		sum += 2 * weight(d)
	}
	line := w * c
	clear(tmp)
	for d := -half; d <= half; d++ { // along the columns, a row at a time
		v := float32(weight(d) / sum)
		for y := range h {
			from := mirror(y+d, h) * line
			out := tmp[y*line : (y+1)*line]
			for i, x := range img[from : from+line] {
				out[i] += v * x
			}
		}
	}
	clear(img)
	for d := -half; d <= half; d++ { // along the rows
		v := float32(weight(d) / sum)
		for y := range h {
			src, out := tmp[y*line:(y+1)*line], img[y*line:(y+1)*line]
			for x := range w {
				from := mirror(x+d, w) * c
				for ch := range c {
					out[x*c+ch] += v * src[from+ch]
				}
			}
		}
	}
}

// mirror brings i from (-n, 2n-1) into [0, n).
func mirror(i, n int) int {
	if i < 0 {
		i = -i
	}
	if i >= n {
		i = 2*(n-1) - i
	}
	return i
}
