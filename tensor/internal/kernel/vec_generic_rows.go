package kernel

// The kernels of Vec that know columns: channel j of row r of a matrix
// [rows x c] is x[r*c+j].

func addRow(dst, row []float32, rows int) {
	c := len(row)
	for r := range rows {
		for j, v := range row {
			dst[r*c+j] += v
		}
	}
}

func colSum(sum, x []float32, rows int) {
	c := len(sum)
	for r := range rows {
		for j := range sum {
			sum[j] += x[r*c+j]
		}
	}
}

func colMoments(mean, m2, x []float32, rows int) {
	c, n := len(mean), float64(rows)
	for j := range mean {
		var sum, squares float64
		for i := j; i < rows*c; i += c {
			sum += float64(x[i])
		}
		for i := j; i < rows*c; i += c {
			d := float64(x[i]) - sum/n
			squares += d * d
		}
		mean[j], m2[j] = float32(sum/n), float32(squares)
	}
}

func affine(y, x, scale, shift []float32, rows int, relu bool) {
	c := len(scale)
	for r := range rows {
		for j, s := range scale {
			v := x[r*c+j]*s + shift[j]
			if relu {
				v = positive(v)
			}
			y[r*c+j] = v
		}
	}
}

func affineAdd(y, x, r, scale, shift []float32, rows int, relu bool) {
	c := len(scale)
	for i := range rows {
		for j, s := range scale {
			v := x[i*c+j]*s + shift[j]
			v += r[i*c+j]
			if relu {
				v = positive(v)
			}
			y[i*c+j] = v
		}
	}
}

func bnGradSums(dg, db, dy, y, x, mean, invstd []float32, rows int) {
	c := len(dg)
	for j := range dg {
		var sum, sumX float64
		for i := j; i < rows*c; i += c {
			g := gate(dy[i], y, i)
			sum += float64(g)
			sumX += float64(g * (x[i] - mean[j]))
		}
		db[j] += float32(sum)
		dg[j] += float32(sumX) * invstd[j]
	}
}

func bnGradGateSums(dg, db, dy, y, x, mean, invstd []float32, rows int) {
	n := rows * len(dg)
	reluGrad(dy[:n], dy, y)
	bnGradSums(dg, db, dy, nil, x, mean, invstd, rows)
}

func bnGradApply(dx, dy, y, x, a, b, c0 []float32, rows int) {
	c := len(a)
	for r := range rows {
		for j := range a {
			i := r*c + j
			dx[i] = gate(dy[i], y, i)*a[j] + x[i]*b[j] + c0[j]
		}
	}
}

func affineMaxPool2(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool) {
	c := len(scale)
	for i := range out {
		j := i % c
		var best float32
		for k := range uint8(4) {
			v := *window(x0, x1, c, i, k)*scale[j] + shift[j]
			if relu {
				v = positive(v)
			}
			if k == 0 || v > best || v != v {
				best, idx[i] = v, k
			}
		}
		out[i] = best
	}
}

// window is place k (0 1 over 2 3) of the 2x2 window of output i: two rows of
// an image with c channels, pooled to a row in which output i lies.
func window(x0, x1 []float32, c, i int, k uint8) *float32 {
	row := x0
	if k >= 2 {
		row = x1
	}
	return &row[(i/c*2+int(k&1))*c+i%c]
}

func bnPoolGradSums(dg, db, dy []float32, idx []uint8, out, x0, x1, mean, invstd []float32) {
	c := len(dg)
	for j := range dg {
		var sum, sumX float64
		for i := j; i < len(dy); i += c {
			g := gate(dy[i], out, i)
			sum += float64(g)
			sumX += float64(g * (*window(x0, x1, c, i, idx[i]) - mean[j]))
		}
		db[j] += float32(sum)
		dg[j] += float32(sumX) * invstd[j]
	}
}

func bnPoolGradApply(dx0, dx1, dy []float32, idx []uint8, out, x0, x1, a, b, c0 []float32) {
	c := len(a)
	for i := range dy {
		j := i % c
		for k := range uint8(4) {
			v := *window(x0, x1, c, i, k)*b[j] + c0[j]
			if k == idx[i] {
				v += gate(dy[i], out, i) * a[j]
			}
			*window(dx0, dx1, c, i, k) = v
		}
	}
}
