package ladder

// registers keeps a tile of 2 x 3 numbers of C in variables, which the compiler
// keeps in registers, while it goes along the whole sum. The steps before read two
// numbers and wrote one for each multiplication; a step along the sum of the tile
// reads 2 + 3 numbers and makes 6 multiplications of them, and C is written once.
func registers(c, a, b []float32, m, n, k int) {
	for i := 0; i < m; i += tileM {
		for j := 0; j < n; j += tileN {
			if i+tileM > m || j+tileN > n {
				corner(c, a, b, i, min(m, i+tileM), j, min(n, j+tileN), n, k)
				continue
			}
			a0, a1 := a[i*k:][:k], a[(i+1)*k:][:k]
			var c00, c01, c02, c10, c11, c12 float32
			for p := range a0 {
				b := b[p*n+j:][:tileN]
				x, y := a0[p], a1[p]
				c00 += x * b[0]
				c01 += x * b[1]
				c02 += x * b[2]
				c10 += y * b[0]
				c11 += y * b[1]
				c12 += y * b[2]
			}
			r0, r1 := c[i*n+j:][:tileN], c[(i+1)*n+j:][:tileN]
			r0[0], r0[1], r0[2] = c00, c01, c02
			r1[0], r1[1], r1[2] = c10, c11, c12
		}
	}
}

// The tile in Go. Its compiler has 15 registers for floats, one number in each,
// and computes all products of a step before it adds any: 6 sums, 6 products and
// what they are made of are as many as fit. A tile of 2 x 4 moves sums to memory
// and back within each step and is slower.
const tileM, tileN = 2, 3

// corner computes the numbers of C that make no whole tile.
func corner(c, a, b []float32, i0, i1, j0, j1, n, k int) {
	for i := i0; i < i1; i++ {
		for j := j0; j < j1; j++ {
			var sum float32
			for p, x := range a[i*k:][:k] {
				sum += x * b[p*n+j]
			}
			c[i*n+j] = sum
		}
	}
}
