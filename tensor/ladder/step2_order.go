package ladder

// order exchanges the inner loops: a number of A times a row of B is added to a
// row of C. Everything is now read in the order in which it lies. And the sums
// under way are independent: the processor need not wait for one addition before
// it begins the next, as it must where all go into one sum.
func order(c, a, b []float32, m, n, k int) {
	clear(c[:m*n])
	for i := range m {
		row := c[i*n:][:n]
		for p := range k {
			addRow(row, a[i*k+p], b[p*n:])
		}
	}
}

// addRow does c += a * b.
func addRow(c []float32, a float32, b []float32) {
	b = b[:len(c)]
	for j := range c {
		c[j] += a * b[j]
	}
}
