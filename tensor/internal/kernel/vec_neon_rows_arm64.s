//go:build !purego

#include "textflag.h"
#include "vec_neon_arm64.h"

// Kernels on matrices [rows x c]: R20 counts the rows, R21 is c, R22 counts the
// columns of a row. Each row goes four floats at a time and then one by one, with the
// other lanes 0. The vectors of c values are R12 to R15 and start again with
// every row, as R2 to R5.

// func affineNEON(y, x, scale, shift *float32, floor float32, c, rows int)
TEXT ·affineNEON(SB), NOSPLIT, $0-56
	MOVD  y+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  scale+16(FP), R12
	MOVD  shift+24(FP), R13
	FMOVS floor+32(FP), F31
	VDUP  V31.S[0], V31.S4
	MOVD  c+40(FP), R21
	MOVD  rows+48(FP), R20

#define AFFINE FMLA4(1, 0, 2); FMAX4(31, 2, 2)

row:
	MOVD R12, R2
	MOVD R13, R3
	MOVD R21, R22

four:
	CMP    $4, R22
	BLT    one
	VLD1.P 16(R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VLD1.P 16(R3), [V2.S4]
	AFFINE
	VST1.P [V2.S4], 16(R0)
	SUB    $4, R22
	B      four

one:
	CBZ     R22, next
	FMOVS.P 4(R1), F0
	FMOVS.P 4(R2), F1
	FMOVS.P 4(R3), F2
	AFFINE
	FMOVS.P F2, 4(R0)
	SUB     $1, R22
	B       one

next:
	SUB  $1, R20
	CBNZ R20, row
	RET

// func affineAddNEON(y, x, r, scale, shift *float32, floor float32, c, rows int)
TEXT ·affineAddNEON(SB), NOSPLIT, $0-64
	MOVD  y+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  r+16(FP), R4
	MOVD  scale+24(FP), R12
	MOVD  shift+32(FP), R13
	FMOVS floor+40(FP), F31
	VDUP  V31.S[0], V31.S4
	MOVD  c+48(FP), R21
	MOVD  rows+56(FP), R20

#define AFFINEADD FMLA4(1, 0, 2); FADD4(3, 2, 2); FMAX4(31, 2, 2)

row:
	MOVD R12, R2
	MOVD R13, R3
	MOVD R21, R22

four:
	CMP    $4, R22
	BLT    one
	VLD1.P 16(R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VLD1.P 16(R3), [V2.S4]
	VLD1.P 16(R4), [V3.S4]
	AFFINEADD
	VST1.P [V2.S4], 16(R0)
	SUB    $4, R22
	B      four

one:
	CBZ     R22, next
	FMOVS.P 4(R1), F0
	FMOVS.P 4(R2), F1
	FMOVS.P 4(R3), F2
	FMOVS.P 4(R4), F3
	AFFINEADD
	FMOVS.P F2, 4(R0)
	SUB     $1, R22
	B       one

next:
	SUB  $1, R20
	CBNZ R20, row
	RET

// In the kernels below R6 steps through y and R7 through dy; without ReLU y is
// dy, and OPEN is nothing where GATE clears dy, in V0, where y, in V1, is <= 0.
#define GATE FNOTPOS4(1, 1); CLEAR4(1, 0, 0)
#define OPEN

// What is left of dy is kept, through R8, or not.
#define KEEP4 VST1.P [V0.S4], 16(R8)
#define KEEP1 FMOVS.P F0, 4(R8)

// Both adds to dg and db in memory: a row is long enough to hide the way there
// and back.
#define GRADSUMS FSUB4(3, 2, 2); FMUL4(0, 4, 4); FADD4(0, 5, 5); FMLA4(4, 2, 6)

#define GRADSUMSROWS(GRAD, STORE4, STORE1) \
row: \
	MOVD    R12, R2          \
	MOVD    R13, R3          \
	MOVD    R14, R4          \
	MOVD    R15, R5          \
	MOVD    R21, R22         \
four: \
	CMP     $4, R22          \
	BLT     one              \
	VLD1.P  16(R7), [V0.S4]  \
	VLD1.P  16(R6), [V1.S4]  \
	VLD1.P  16(R1), [V2.S4]  \
	VLD1.P  16(R2), [V3.S4]  \
	VLD1.P  16(R3), [V4.S4]  \
	VLD1    (R4), [V5.S4]    \
	VLD1    (R5), [V6.S4]    \
	GRAD                     \
	STORE4                   \
	GRADSUMS                 \
	VST1.P  [V5.S4], 16(R4)  \
	VST1.P  [V6.S4], 16(R5)  \
	SUB     $4, R22          \
	B       four             \
one: \
	CBZ     R22, next        \
	FMOVS.P 4(R7), F0        \
	FMOVS.P 4(R6), F1        \
	FMOVS.P 4(R1), F2        \
	FMOVS.P 4(R2), F3        \
	FMOVS.P 4(R3), F4        \
	FMOVS   (R4), F5         \
	FMOVS   (R5), F6         \
	GRAD                     \
	STORE1                   \
	GRADSUMS                 \
	FMOVS.P F5, 4(R4)        \
	FMOVS.P F6, 4(R5)        \
	SUB     $1, R22          \
	B       one              \
next: \
	SUB     $1, R20          \
	CBNZ    R20, row         \
	RET

// func bnGradSumsNEON(dg, db, dy, x, mean, invstd *float32, c, rows int)
TEXT ·bnGradSumsNEON(SB), NOSPLIT, $0-64
	MOVD dg+0(FP), R15
	MOVD db+8(FP), R14
	MOVD dy+16(FP), R7
	MOVD R7, R6
	MOVD x+24(FP), R1
	MOVD mean+32(FP), R12
	MOVD invstd+40(FP), R13
	MOVD c+48(FP), R21
	MOVD rows+56(FP), R20
	GRADSUMSROWS(OPEN, OPEN, OPEN)

// func bnGradSumsReLUNEON(dg, db, dy, y, x, mean, invstd *float32, c, rows int)
TEXT ·bnGradSumsReLUNEON(SB), NOSPLIT, $0-72
	MOVD dg+0(FP), R15
	MOVD db+8(FP), R14
	MOVD dy+16(FP), R7
	MOVD y+24(FP), R6
	MOVD x+32(FP), R1
	MOVD mean+40(FP), R12
	MOVD invstd+48(FP), R13
	MOVD c+56(FP), R21
	MOVD rows+64(FP), R20
	GRADSUMSROWS(GATE, OPEN, OPEN)

// func bnGradGateSumsNEON(dg, db, dy, y, x, mean, invstd *float32, c, rows int)
TEXT ·bnGradGateSumsNEON(SB), NOSPLIT, $0-72
	MOVD dg+0(FP), R15
	MOVD db+8(FP), R14
	MOVD dy+16(FP), R7
	MOVD R7, R8
	MOVD y+24(FP), R6
	MOVD x+32(FP), R1
	MOVD mean+40(FP), R12
	MOVD invstd+48(FP), R13
	MOVD c+56(FP), R21
	MOVD rows+64(FP), R20
	GRADSUMSROWS(GATE, KEEP4, KEEP1)

#define GRADAPPLY FMLA4(2, 4, 5); FMLA4(0, 3, 5)

#define GRADAPPLYROWS(GRAD) \
row: \
	MOVD    R12, R2          \
	MOVD    R13, R3          \
	MOVD    R14, R4          \
	MOVD    R21, R22         \
four: \
	CMP     $4, R22          \
	BLT     one              \
	VLD1.P  16(R7), [V0.S4]  \
	VLD1.P  16(R6), [V1.S4]  \
	VLD1.P  16(R1), [V2.S4]  \
	VLD1.P  16(R2), [V3.S4]  \
	VLD1.P  16(R3), [V4.S4]  \
	VLD1.P  16(R4), [V5.S4]  \
	GRAD                     \
	GRADAPPLY                \
	VST1.P  [V5.S4], 16(R0)  \
	SUB     $4, R22          \
	B       four             \
one: \
	CBZ     R22, next        \
	FMOVS.P 4(R7), F0        \
	FMOVS.P 4(R6), F1        \
	FMOVS.P 4(R1), F2        \
	FMOVS.P 4(R2), F3        \
	FMOVS.P 4(R3), F4        \
	FMOVS.P 4(R4), F5        \
	GRAD                     \
	GRADAPPLY                \
	FMOVS.P F5, 4(R0)        \
	SUB     $1, R22          \
	B       one              \
next: \
	SUB     $1, R20          \
	CBNZ    R20, row         \
	RET

// func bnGradApplyNEON(dx, dy, x, a, b, c0 *float32, c, rows int)
TEXT ·bnGradApplyNEON(SB), NOSPLIT, $0-64
	MOVD dx+0(FP), R0
	MOVD dy+8(FP), R7
	MOVD R7, R6
	MOVD x+16(FP), R1
	MOVD a+24(FP), R12
	MOVD b+32(FP), R13
	MOVD c0+40(FP), R14
	MOVD c+48(FP), R21
	MOVD rows+56(FP), R20
	GRADAPPLYROWS(OPEN)

// func bnGradApplyReLUNEON(dx, dy, y, x, a, b, c0 *float32, c, rows int)
TEXT ·bnGradApplyReLUNEON(SB), NOSPLIT, $0-72
	MOVD dx+0(FP), R0
	MOVD dy+8(FP), R7
	MOVD y+16(FP), R6
	MOVD x+24(FP), R1
	MOVD a+32(FP), R12
	MOVD b+40(FP), R13
	MOVD c0+48(FP), R14
	MOVD c+56(FP), R21
	MOVD rows+64(FP), R20
	GRADAPPLYROWS(GATE)

// func distancesNEON(d1, d2, x, from *float32, w, c, rows int)
// takes the first w columns of x only; R8 skips the others.
TEXT ·distancesNEON(SB), NOSPLIT, $0-56
	MOVD d1+0(FP), R13
	MOVD d2+8(FP), R14
	MOVD x+16(FP), R1
	MOVD from+24(FP), R12
	MOVD w+32(FP), R21
	MOVD c+40(FP), R8
	SUB  R21, R8
	MOVD rows+48(FP), R20

#define DISTANCE FSUB4(1, 0, 0); FADD4(0, 2, 2); FMLA4(0, 0, 3)

row:
	MOVD R12, R2
	MOVD R13, R3
	MOVD R14, R4
	MOVD R21, R22

four:
	CMP    $4, R22
	BLT    one
	VLD1.P 16(R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VLD1   (R3), [V2.S4]
	VLD1   (R4), [V3.S4]
	DISTANCE
	VST1.P [V2.S4], 16(R3)
	VST1.P [V3.S4], 16(R4)
	SUB    $4, R22
	B      four

one:
	CBZ     R22, next
	FMOVS.P 4(R1), F0
	FMOVS.P 4(R2), F1
	FMOVS   (R3), F2
	FMOVS   (R4), F3
	DISTANCE
	FMOVS.P F2, 4(R3)
	FMOVS.P F3, 4(R4)
	SUB     $1, R22
	B       one

next:
	ADD  R8<<2, R1
	SUB  $1, R20
	CBNZ R20, row
	RET
