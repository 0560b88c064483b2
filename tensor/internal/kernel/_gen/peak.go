package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// peakSums is how many sums the loop of Peak has under way: more than the
// latency of a multiply-add times the number of units.
const peakSums = 12

// peakLoop writes Peak: multiply-adds on registers alone, in as many
// independent sums as keep every unit busy. No number comes from memory, so it
// is as fast as the processor can be.
func peakLoop(s isa) {
	TEXT("peak"+s.name, attr.NOSPLIT, "func(steps int)")
	Comment("Nothing but multiply-adds on registers, to time them.")
	left := RCX
	Load(Param("steps"), left)
	Comment("All sums and both factors are 0.")
	for i := range peakSums + 2 {
		VXORPS(s.reg[i], s.reg[i], s.reg[i])
	}
	Label("step")
	Comment("One multiply-add for every sum, twice.")
	for range 2 { // two rounds, so that the loop itself weighs little
		for i := range peakSums {
			VFMADD231PS(s.reg[peakSums], s.reg[peakSums+1], s.reg[i])
		}
	}
	DECQ(left)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}
