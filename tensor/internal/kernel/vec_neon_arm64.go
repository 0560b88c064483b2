//go:build !purego

package kernel

//go:noescape
func addNEON(dst, a, b *float32, n int)

//go:noescape
func reluGradNEON(dx, dy, y *float32, n int)

//go:noescape
func axpyNEON(dst, x *float32, s float32, n int)

//go:noescape
func scaleNEON(dst, x *float32, s float32, n int)

//go:noescape
func reluNEON(dst, x *float32, n int)

//go:noescape
func dotNEON(a, b *float32, n int) float64

//go:noescape
func l1NEON(a, b *float32, n int) float64

//go:noescape
func l2SqNEON(a, b *float32, n int) float64

//go:noescape
func affineNEON(y, x, scale, shift *float32, floor float32, c, rows int)

//go:noescape
func affineAddNEON(y, x, r, scale, shift *float32, floor float32, c, rows int)

//go:noescape
func bnGradSumsNEON(dg, db, dy, x, mean, invstd *float32, c, rows int)

//go:noescape
func bnGradSumsReLUNEON(dg, db, dy, y, x, mean, invstd *float32, c, rows int)

//go:noescape
func bnGradGateSumsNEON(dg, db, dy, y, x, mean, invstd *float32, c, rows int)

//go:noescape
func bnGradApplyNEON(dx, dy, x, a, b, c0 *float32, c, rows int)

//go:noescape
func bnGradApplyReLUNEON(dx, dy, y, x, a, b, c0 *float32, c, rows int)

// distancesNEON adds to d1 and d2 [w] the distances of the first w columns of x
// [rows x c] from the values of from, and their squares.
//
//go:noescape
func distancesNEON(d1, d2, x, from *float32, w, c, rows int)
