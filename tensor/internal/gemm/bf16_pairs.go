package gemm

// pairChunk is how many numbers of a row are paired at a time: with both kinds
// of pairs they fit into the first-level cache. It is even.
const pairChunk = 2 << 10

// pairTaskSize is about how many numbers of the source a task converts.
const pairTaskSize = 32 << 10

// pairJob pairs the rows of matrices.
type pairJob struct {
	pairs, consecutive, src []float32
	rows, cols, ld          int
	chunks, items, perTask  int // an item is a chunk of a pair of rows
}

// pairRows makes, of groups matrices [rows x cols] with stride ld that follow
// each other, matrices [ceil(rows/2) x cols] whose row i pairs the rows 2i and
// 2i+1. Where consecutive is not nil, it also gets the pairs of numbers 2j and
// 2j+1 of each row: [rows x cols/2], for even cols.
func (b *BF16) pairRows(pairs, consecutive, src []float32, groups, rows, cols, ld int) {
	if groups*rows*cols == 0 {
		return
	}
	j := &b.pairs
	*j = pairJob{pairs: pairs, consecutive: consecutive, src: src, rows: rows, cols: cols, ld: ld,
		chunks: ceil(cols, pairChunk)}
	j.items = groups * ceil(rows, 2) * j.chunks
	j.perTask = max(1, pairTaskSize/(2*min(cols, pairChunk)))
	b.run.run(ceil(j.items, j.perTask), groups*rows*cols, b.pairTask)
	*j = pairJob{}
}

func (b *BF16) pairSome(task, _ int) {
	j := &b.pairs
	half := ceil(j.rows, 2)
	for item := task * j.perTask; item < min(j.items, (task+1)*j.perTask); item++ {
		pair, from := item/j.chunks, item%j.chunks*pairChunk
		n := min(pairChunk, j.cols-from)
		row := pair/half*j.rows + pair%half*2
		lower, upper := j.src[row*j.ld+from:][:n], b.zeros[:n]
		single := pair%half*2+1 == j.rows
		if !single {
			upper = j.src[(row+1)*j.ld+from:][:n]
		}
		b.k.Pair(j.pairs[pair*j.cols+from:][:n], lower, upper)
		if j.consecutive != nil {
			b.k.Convert(j.consecutive[(row*j.cols+from)/2:], lower)
			if !single {
				b.k.Convert(j.consecutive[((row+1)*j.cols+from)/2:], upper)
			}
		}
	}
}

// convertJob pairs the numbers of each row.
type convertJob struct {
	dst, src               []float32
	rows, cols, ld, perRow int // perRow pairs
	perTask                int // rows
}

// convertRows sets dst [rows x ceil(cols/2)] to the pairs of numbers that follow
// each other in the rows of src [rows x cols], of stride ld.
func (b *BF16) convertRows(dst, src []float32, rows, cols, ld int) {
	if rows*cols == 0 {
		return
	}
	if ld == cols && cols%2 == 0 { // one long row, in pieces
		const piece = pairTaskSize
		n := rows * cols
		whole := n / piece
		b.convertSame(dst, src, whole, piece, piece)
		b.convertSame(dst[whole*piece/2:], src[whole*piece:], 1, n-whole*piece, n)
		return
	}
	b.convertSame(dst, src, rows, cols, ld)
}

func (b *BF16) convertSame(dst, src []float32, rows, cols, ld int) {
	if rows*cols == 0 {
		return
	}
	j := &b.convert
	*j = convertJob{dst: dst, src: src, rows: rows, cols: cols, ld: ld, perRow: ceil(cols, 2),
		perTask: max(1, pairTaskSize/cols)}
	b.run.run(ceil(rows, j.perTask), rows*cols, b.convertTask)
	*j = convertJob{}
}

func (b *BF16) convertSome(task, _ int) {
	j := &b.convert
	for row := task * j.perTask; row < min(j.rows, (task+1)*j.perTask); row++ {
		b.k.Convert(j.dst[row*j.perRow:], j.src[row*j.ld:][:j.cols])
	}
}
