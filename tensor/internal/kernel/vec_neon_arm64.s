//go:build !purego

#include "textflag.h"
#include "vec_neon_arm64.h"

// SWEEP goes over R3 floats of R1 and R2, four at a time and then one by one
// with the other lanes 0. OP makes V0, which goes to R0, from V0 and V1.
#define SWEEP(OP) \
four: \
	CMP     $4, R3           \
	BLT     one              \
	VLD1.P  16(R1), [V0.S4]  \
	VLD1.P  16(R2), [V1.S4]  \
	OP                       \
	VST1.P  [V0.S4], 16(R0)  \
	SUB     $4, R3           \
	B       four             \
one: \
	CBZ     R3, done         \
	FMOVS.P 4(R1), F0        \
	FMOVS.P 4(R2), F1        \
	OP                       \
	FMOVS.P F0, 4(R0)        \
	SUB     $1, R3           \
	B       one              \
done: \
	RET

// func addNEON(dst, a, b *float32, n int)
TEXT ·addNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD n+24(FP), R3
#define ADD FADD4(1, 0, 0)
	SWEEP(ADD)

// func reluGradNEON(dx, dy, y *float32, n int)
TEXT ·reluGradNEON(SB), NOSPLIT, $0-32
	MOVD dx+0(FP), R0
	MOVD dy+8(FP), R1
	MOVD y+16(FP), R2
	MOVD n+24(FP), R3
#define GATE FNOTPOS4(1, 1); CLEAR4(1, 0, 0)
	SWEEP(GATE)

// func axpyNEON(dst, x *float32, s float32, n int)
TEXT ·axpyNEON(SB), NOSPLIT, $0-32
	MOVD  dst+0(FP), R0
	MOVD  R0, R1
	MOVD  x+8(FP), R2
	FMOVS s+16(FP), F2
	VDUP  V2.S[0], V2.S4
	MOVD  n+24(FP), R3
#define AXPY FMLA4(2, 1, 0)
	SWEEP(AXPY)

// func scaleNEON(dst, x *float32, s float32, n int)
TEXT ·scaleNEON(SB), NOSPLIT, $0-32
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  R1, R2
	FMOVS s+16(FP), F2
	VDUP  V2.S[0], V2.S4
	MOVD  n+24(FP), R3
#define SCALE FMUL4(2, 0, 0)
	SWEEP(SCALE)

// func reluNEON(dst, x *float32, n int)
TEXT ·reluNEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD R1, R2
	MOVD n+16(FP), R3
#define RELU FNEG4(1, 1); CLEAR4(1, 0, 0)
	SWEEP(RELU)
