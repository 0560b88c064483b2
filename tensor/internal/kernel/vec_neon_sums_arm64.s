//go:build !purego

#include "textflag.h"
#include "vec_neon_arm64.h"

// SUM is a sum over n floats of a and b. TERM(i) adds what V(i) and V(i+4) give
// to V(i+16); blocks of 256 floats are added up in float64, so that the rounding
// does not grow with n.
#define SUM(TERM) \
	MOVD    a+0(FP), R0               \
	MOVD    b+8(FP), R1               \
	MOVD    n+16(FP), R2              \
	VEOR    V26.B16, V26.B16, V26.B16 \
	VEOR    V27.B16, V27.B16, V27.B16 \
block: \
	CBZ     R2, done                  \
	MOVD    $256, R3                  \
	CMP     R3, R2                    \
	CSEL    LT, R2, R3, R3            \
	SUB     R3, R2                    \
	VEOR    V16.B16, V16.B16, V16.B16 \
	VEOR    V17.B16, V17.B16, V17.B16 \
	VEOR    V18.B16, V18.B16, V18.B16 \
	VEOR    V19.B16, V19.B16, V19.B16 \
sixteen: \
	CMP     $16, R3                   \
	BLT     four                      \
	VLD1.P  64(R0), [V0.S4, V1.S4, V2.S4, V3.S4] \
	VLD1.P  64(R1), [V4.S4, V5.S4, V6.S4, V7.S4] \
	TERM(0)                           \
	TERM(1)                           \
	TERM(2)                           \
	TERM(3)                           \
	SUB     $16, R3                   \
	B       sixteen                   \
four: \
	CMP     $4, R3                    \
	BLT     one                       \
	VLD1.P  16(R0), [V0.S4]           \
	VLD1.P  16(R1), [V4.S4]           \
	TERM(0)                           \
	SUB     $4, R3                    \
	B       four                      \
one: \
	CBZ     R3, flush                 \
	FMOVS.P 4(R0), F0                 \
	FMOVS.P 4(R1), F4                 \
	TERM(0)                           \
	SUB     $1, R3                    \
	B       one                       \
flush: \
	FADD4(17, 16, 16)                 \
	FADD4(19, 18, 18)                 \
	FADD4(18, 16, 16)                 \
	FWIDENLO(16, 17)                  \
	FWIDENHI(16, 18)                  \
	FADD2D(17, 26, 26)                \
	FADD2D(18, 27, 27)                \
	B       block                     \
done: \
	FADD2D(27, 26, 26)                \
	FADDPD(26, 0)                     \
	FMOVD   F0, ret+24(FP)            \
	RET

// func dotNEON(a, b *float32, n int) float64
TEXT ·dotNEON(SB), NOSPLIT, $0-32
#define DOT(i) FMLA4(i+4, i, i+16)
	SUM(DOT)

// func l1NEON(a, b *float32, n int) float64
TEXT ·l1NEON(SB), NOSPLIT, $0-32
#define L1(i) FABD4(i+4, i, i); FADD4(i, i+16, i+16)
	SUM(L1)

// func l2SqNEON(a, b *float32, n int) float64
TEXT ·l2SqNEON(SB), NOSPLIT, $0-32
#define L2SQ(i) FSUB4(i+4, i, i); FMLA4(i, i, i+16)
	SUM(L2SQ)
