package ladder

// packedStep lays A and B out in the order in which the tile reads them: A in
// strips of tileM rows, where the numbers of one step along the sum stand side
// by side, B in panels of tileN columns likewise. The tile then reads both from
// front to back. In B itself a step is n numbers from the next, another cache line and,
// every page of 4 KiB, another entry of the address translation. Copying is n^2
// work for n^3 of use. Strips and panels are filled up with zeros, so that the
// tile needs no corners but in its last lines.
type packedStep struct{ a, b []float32 }

func (s *packedStep) multiply(c, a, b []float32, m, n, k int) {
	strips, panels := (m+tileM-1)/tileM, (n+tileN-1)/tileN
	packedA, packedB := grow(&s.a, strips*tileM*k), grow(&s.b, panels*tileN*k)
	for i := range strips * tileM {
		for p := range k {
			var v float32
			if i < m {
				v = a[i*k+p]
			}
			packedA[i/tileM*tileM*k+p*tileM+i%tileM] = v
		}
	}
	packPanels(packedB, b, n, k, tileN)
	for j := range panels {
		panel := packedB[j*tileN*k:][:tileN*k]
		for i := range strips {
			sum := goTile(packedA[i*tileM*k:][:tileM*k], panel)
			for r := range min(tileM, m-i*tileM) {
				copy(c[(i*tileM+r)*n:][j*tileN:min(n, (j+1)*tileN)], sum[r][:])
			}
		}
	}
}

// goTile returns the sums of a strip and a panel.
func goTile(a, b []float32) [tileM][tileN]float32 {
	var c00, c01, c02, c10, c11, c12 float32
	for len(a) >= tileM && len(b) >= tileN {
		x, y := a[0], a[1]
		c00 += x * b[0]
		c01 += x * b[1]
		c02 += x * b[2]
		c10 += y * b[0]
		c11 += y * b[1]
		c12 += y * b[2]
		a, b = a[tileM:], b[tileN:]
	}
	return [tileM][tileN]float32{{c00, c01, c02}, {c10, c11, c12}}
}

// packPanels copies B [k x n] into panels of nr columns: number (p, j) of a panel
// stands at p*nr + j. Columns past the last are zero.
func packPanels(dst, b []float32, n, k, nr int) {
	for j := 0; j < n; j += nr {
		cols := min(nr, n-j)
		for p := range k {
			row := dst[j*k+p*nr:][:nr]
			copy(row, b[p*n+j:][:cols])
			clear(row[cols:])
		}
	}
}
