package kernel

// gemmGeneric defines the kernels of Gemm; the assembly is tested against it.
var gemmGeneric = Gemm{MR: 4, NR: 4, Tile: tileGeneric, Copy: copyGeneric, Transpose: transposeGeneric,
	Deal: dealGeneric, Peak: peakGeneric}

// tileGeneric is the tile in plain Go and shows what the assembly does.
//
// A product of two n x n matrices makes n^3 multiplications on 2n^2 numbers. A
// loop that reads both factors from memory for each of them spends its time on
// reading. The way out: keep a small tile of C in registers, here 4 x 4. Each
// step along the sum then reads 4 numbers of A and 4 of B, and makes 16
// multiplications of every number of the one with every number of the other.
// The assembly does the same with wider rows: a "number" of B is a vector of 8
// or 16, and the tile is as large as the register file lets it be.
func tileGeneric(t *Tile) {
	for s := range max(t.Strips, 1) {
		tileStrip(t, t.A[s*t.AS:], t.C[s*t.M*t.CS:])
	}
}

func tileStrip(t *Tile, a, c []float32) {
	var sum [4][4]float32
	for _, s := range t.Segs {
		a, b := a[s.A:], t.B[s.B:]
		for p := range s.K {
			b := b[p*t.BS:][:4]
			for i := range t.M {
				a := a[i*t.RS+p*t.KS]
				sum[i][0] += a * b[0]
				sum[i][1] += a * b[1]
				sum[i][2] += a * b[2]
				sum[i][3] += a * b[3]
			}
		}
	}
	for i := range t.M {
		c := c[i*t.CS:][:t.N]
		for j := range c {
			v := sum[i][j]
			if t.Acc {
				v += c[j]
			}
			if t.Bias != nil {
				v += t.Bias[j]
			}
			if t.ReLU {
				v = positive(v)
			}
			c[j] = v
		}
	}
}

func copyGeneric(dst []float32, ds int, src []float32, ss, rows, cols int) {
	for i := range rows {
		copy(dst[i*ds:][:cols], src[i*ss:][:cols])
	}
}

func transposeGeneric(dst []float32, ds int, src []float32, ss, rows, cols int) {
	for i := range rows {
		for j, v := range src[i*ss:][:cols] {
			dst[j*ds+i] = v
		}
	}
}

func dealGeneric(dst []float32, ds, ks int, src []float32, ss, rows, cols, strips int) {
	for i := range rows {
		for s := range strips {
			copy(dst[s*ds+i*ks:][:cols], src[i*ss+s*cols:][:cols])
		}
	}
}
