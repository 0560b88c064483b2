package ladder

// loops is the definition. For one number of C it walks along a row of A and down
// a column of B. Neighbours in a column stand n numbers apart: each read takes a
// cache line of 64 bytes for the sake of 4, and where n is a power of two the
// lines of a column fall on few sets of the cache and push each other out.
func loops(c, a, b []float32, m, n, k int) {
	for i := range m {
		for j := range n {
			var sum float32
			for p := range k {
				sum += a[i*k+p] * b[p*n+j]
			}
			c[i*n+j] = sum
		}
	}
}
