package ladder

// A block of B has blockK x blockN numbers, 32 KiB: two thirds of a first-level
// cache of 48 KiB.
const (
	blockK = 32
	blockN = 256
)

// blocks takes B in blocks and uses each for all rows of A before the next. In
// the step before, a row of C needs the whole of B, which comes from the second
// or third cache for every row; now a block comes from there once. The price is
// that C is read and written once for each block along the sum.
func blocks(c, a, b []float32, m, n, k int) {
	clear(c[:m*n])
	for p0 := 0; p0 < k; p0 += blockK {
		p1 := min(k, p0+blockK)
		for j0 := 0; j0 < n; j0 += blockN {
			j1 := min(n, j0+blockN)
			for i := range m {
				row := c[i*n:][j0:j1]
				for p := p0; p < p1; p++ {
					addRow(row, a[i*k+p], b[p*n+j0:])
				}
			}
		}
	}
}
