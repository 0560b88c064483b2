// Vector instructions that the Go assembler does not know (Arm Architecture
// Reference Manual, C7.2). Arguments are register numbers, the result last.

#define FADD4(m, n, d)  WORD $(0x4e20d400 | (m)<<16 | (n)<<5 | (d))  // d = n + m
#define FSUB4(m, n, d)  WORD $(0x4ea0d400 | (m)<<16 | (n)<<5 | (d))  // d = n - m
#define FMUL4(m, n, d)  WORD $(0x6e20dc00 | (m)<<16 | (n)<<5 | (d))  // d = n * m
#define FMLA4(m, n, d)  WORD $(0x4e20cc00 | (m)<<16 | (n)<<5 | (d))  // d += n * m
#define FMAX4(m, n, d)  WORD $(0x4e20f400 | (m)<<16 | (n)<<5 | (d))  // d = max(n, m), NaN if one is
#define FABD4(m, n, d)  WORD $(0x6ea0d400 | (m)<<16 | (n)<<5 | (d))  // d = |n - m|
#define FNEG4(n, d)     WORD $(0x4ea0e800 | (n)<<5 | (d))            // d = ones where n < 0
#define FNOTPOS4(n, d)  WORD $(0x6ea0d800 | (n)<<5 | (d))            // d = ones where n <= 0
#define CLEAR4(m, n, d) WORD $(0x4e601c00 | (m)<<16 | (n)<<5 | (d))  // d = n with the bits of m cleared
#define FADD2D(m, n, d) WORD $(0x4e60d400 | (m)<<16 | (n)<<5 | (d))  // d = n + m in float64
#define FADDPD(n, d)    WORD $(0x7e70d800 | (n)<<5 | (d))            // d = sum of the two float64 of n
#define FWIDENLO(n, d)  WORD $(0x0e617800 | (n)<<5 | (d))            // d = float64 of lanes 0 and 1 of n
#define FWIDENHI(n, d)  WORD $(0x4e617800 | (n)<<5 | (d))            // d = float64 of lanes 2 and 3 of n
