package augment

import "fmt"

// taps says how each of out pixels along one axis is mixed from n neighbouring
// ones of in: out pixel i from start[i] on, with the weights w[i*n:(i+1)*n].
type taps struct {
	n     int
	start []int
	w     []float32
}

// newTaps returns the weights of bilinear interpolation with antialias: a
// triangle around the centre of the out pixel, one in pixel wide to either side,
// or one out pixel where that is more; cut off at the border and scaled to sum
// scale (torch.nn.functional.interpolate with antialias=True).
func newTaps(in, out int, scale float64) taps {
	step := float64(in) / float64(out)
	reach := max(1, step)
	weights := make([][]float64, out)
	t := taps{start: make([]int, out)}
	for i := range out {
		centre := step * (float64(i) + 0.5)
		from := max(0, int(centre-reach+0.5))
		to := min(in, int(centre+reach+0.5))
		var sum float64
		for j := from; j < to; j++ {
			x := (float64(j) - centre + 0.5) / reach
			v := max(0, 1-max(x, -x))
			weights[i] = append(weights[i], v)
			sum += v
		}
		for j := range weights[i] {
			weights[i][j] *= scale / sum
		}
		for last := len(weights[i]) - 1; last > 0 && weights[i][last] == 0; last-- {
			weights[i] = weights[i][:last]
		}
		t.start[i] = from
		t.n = max(t.n, len(weights[i]))
	}
	// All pixels get n weights; near the end they start earlier, with zeros.
	t.w = make([]float32, out*t.n)
	for i, w := range weights {
		shift := max(0, t.start[i]+t.n-in)
		t.start[i] -= shift
		for j, v := range w {
			t.w[i*t.n+shift+j] = float32(v)
		}
	}
	return t
}

// horizontal and vertical taps: bytes become numbers in [0,1] on the way.
func rowTaps(in, out int) taps    { return newTaps(in, out, 1./255) }
func columnTaps(in, out int) taps { return newTaps(in, out, 1) }

// ResizedCrop writes the part box of img, resized to outH x outW, to dst
// (outH,outW,c) in [0,1]; img has the shape (h,w,c). Flips come after. It is
// torchvision's resized_crop, bilinear with antialias, of the image as floats.
func ResizedCrop(dst []float32, outH, outW int, img []uint8, h, w, c int, box Box, flip, flipVertical bool) {
	if len(dst) != outH*outW*c || len(img) != h*w*c {
		panic(fmt.Sprintf("augment: ResizedCrop: dst has %d and img %d values for the shapes (%d,%d,%d) and (%d,%d,%d)",
			len(dst), len(img), outH, outW, c, h, w, c))
	}
	checkBox(box, h, w)
	rows, columns := rowTaps(box.Width, outW), columnTaps(box.Height, outH)
	resizedCrop(dst, outH, outW, img, w, c, box, flip, flipVertical, &rows, &columns, make([]float32, box.Height*outW*c))
}

func checkBox(b Box, h, w int) {
	if b.Top < 0 || b.Left < 0 || b.Height < 1 || b.Width < 1 || b.Top+b.Height > h || b.Left+b.Width > w {
		panic(fmt.Sprintf("augment: box %+v is not inside an image of %d x %d", b, h, w))
	}
}

// resizedCrop is ResizedCrop with the weights and the memory given: mid has room
// for box.Height rows of the width of the result.
func resizedCrop(dst []float32, outH, outW int, img []uint8, w, c int, box Box, flip, flipVertical bool, rows,
	columns *taps, mid []float32) {
	line := outW * c
	for y := range box.Height {
		src := img[((box.Top+y)*w+box.Left)*c:]
		src = src[:box.Width*c]
		resizeRow(mid[y*line:(y+1)*line], src, c, rows)
		if flip {
			reverse(mid[y*line:(y+1)*line], c)
		}
	}
	for y := range outH {
		to := y
		if flipVertical {
			to = outH - 1 - y
		}
		mixRows(dst[to*line:(to+1)*line], mid[columns.start[y]*line:], line, columns.w[y*columns.n:(y+1)*columns.n])
	}
}

// resizeRow mixes the pixels of one row.
func resizeRow(out []float32, src []uint8, c int, t *taps) {
	if c == 3 && t.n == 2 {
		// Enlarging a colour image, the usual case.
		w := t.w
		for _, s := range t.start {
			p, o := src[s*3:s*3+6:s*3+6], out[:3:3]
			a, b := w[0], w[1]
			o[0] = a*float32(p[0]) + b*float32(p[3])
			o[1] = a*float32(p[1]) + b*float32(p[4])
			o[2] = a*float32(p[2]) + b*float32(p[5])
			out, w = out[3:], w[2:]
		}
		return
	}
	for i, s := range t.start {
		w := t.w[i*t.n : (i+1)*t.n]
		for ch := range c {
			var sum float32
			for j, v := range w {
				sum += v * float32(src[(s+j)*c+ch])
			}
			out[i*c+ch] = sum
		}
	}
}

// mixRows writes the weighted sum of the first len(w) rows of src to out.
func mixRows(out, src []float32, line int, w []float32) {
	if len(w) == 2 {
		a, b := src[:line], src[line:2*line]
		wa, wb := w[0], w[1]
		for i := range out {
			out[i] = wa*a[i] + wb*b[i]
		}
		return
	}
	clear(out)
	for j, v := range w {
		for i, x := range src[j*line : (j+1)*line] {
			out[i] += v * x
		}
	}
}

// reverse turns a row of pixels round.
func reverse(row []float32, c int) {
	for i, j := 0, len(row)-c; i < j; i, j = i+c, j-c {
		for ch := range c {
			row[i+ch], row[j+ch] = row[j+ch], row[i+ch]
		}
	}
}
