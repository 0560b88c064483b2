package kernel

// Gemm holds the register tile of the matrix product, out of which the drivers
// in package gemm build products and convolutions, and the moves that lay out
// its operands.
type Gemm struct {
	MR, NR int // the most rows and columns of one tile

	// Tile computes one tile of C. Its rows and columns are sums in the order
	// of the segments, each sum in one accumulator, so that a number of C does
	// not depend on the tile in which it was computed.
	Tile func(t *Tile)
	// Copy does dst[i*ds+j] = src[i*ss+j] for i < rows, j < cols.
	Copy func(dst []float32, ds int, src []float32, ss, rows, cols int)
	// Transpose does dst[j*ds+i] = src[i*ss+j] for i < rows, j < cols.
	Transpose func(dst []float32, ds int, src []float32, ss, rows, cols int)
	// Deal cuts a matrix into strips of cols columns, cols <= MR, and lays each
	// out as the A of a tile with RS = 1 and KS = ks:
	// dst[s*ds + i*ks + j] = src[i*ss + s*cols + j] for i < rows, j < cols, s <
	// strips. It may write zeros or numbers of the next strip for j up to ks.
	Deal func(dst []float32, ds, ks int, src []float32, ss, rows, cols, strips int)

	// Peak does multiply-adds of float32 on registers alone, as fast as the
	// processor can, about 10 us of them, and returns how many it did. It
	// computes nothing: it is the measure of how near to that the others come.
	Peak func() int
}

// Tile is one call of the register tile:
//
//	C[i,j] = ReLU(Bias[j] + (C[i,j] if Acc) + sum over segments s, p < s.K of
//	         A[s.A + i*RS + p*KS] * B[s.B + p*BS + j])      i < M, j < N
//
// Two strides let A be a row-major matrix (KS = 1), a column-major one (RS = 1)
// or pixels of images. The segments let the sum run over pieces that do not lie
// together, as the rows under a convolution's window. All strides and offsets
// count floats. Every row of B that the segments name has NR readable floats,
// whatever N is.
type Tile struct {
	C      []float32
	CS     int // stride of the rows of C
	A      []float32
	RS, KS int // strides of the rows of A and of its steps along the sum
	B      []float32
	BS     int // stride of the rows of B
	Segs   []Segment
	M, N   int       // 1 <= M <= MR, 1 <= N <= NR
	Bias   []float32 // nil or NR readable floats
	Acc    bool      // add to what C holds
	ReLU   bool

	// Strips is how many tiles of M rows, one below the other, are computed; 0
	// means 1. In A the next one begins AS floats on, in C M rows. B stays.
	Strips, AS int

	// Fetch is memory that will be needed soon: every step along the sum may
	// have the cache fetch its next 64 bytes. It is not read. With FS not 0, a
	// step goes FS floats on.
	Fetch []float32
	FS    int
}

// Segment is a piece of the sum of a Tile: K steps that start at A[A] and B[B].
type Segment struct{ A, B, K int }
