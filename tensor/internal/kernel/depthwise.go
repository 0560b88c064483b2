package kernel

// DepthwiseRows is the most rows of one call of Impl.Depthwise.
const DepthwiseRows = 8

// depthwiseGeneric is Impl.Depthwise in plain Go:
//
//	C[i,j] = Bias[j] + (C[i,j] if Acc) + sum over segments s, p < s.K of
//	         A[s.A + i*RS + p*KS + j] * B[s.B + p*BS + j]    i < M, j < N
//
// It is the tile of Tile but for the channels, which do not mix: channel j of the
// result is made of channel j of A and of B. N may be any number of channels, B
// and Bias need have N readable floats, ReLU and Fetch have no effect, and
// strides may be negative. As in Tile, every sum is one accumulator.
func depthwiseGeneric(t *Tile) { depthwiseFrom(t, 0) }

// depthwiseFrom does the channels from one on.
func depthwiseFrom(t *Tile, from int) {
	var sum [16]float32
	for ; from < t.N; from += len(sum) {
		n := min(len(sum), t.N-from)
		for i := range t.M {
			clear(sum[:])
			for _, s := range t.Segs {
				for p := range s.K {
					a, b := t.A[s.A+i*t.RS+p*t.KS+from:][:n], t.B[s.B+p*t.BS+from:][:n]
					for j, v := range a {
						sum[j] += v * b[j]
					}
				}
			}
			c := t.C[i*t.CS+from:][:n]
			for j, v := range sum[:n] {
				if t.Acc {
					v += c[j]
				}
				if t.Bias != nil {
					v += t.Bias[from+j]
				}
				c[j] = v
			}
		}
	}
}
