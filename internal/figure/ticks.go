package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// roundTicks puts three to eight ticks at round numbers: multiples of 1, 2 or 5
// times a power of ten.
type roundTicks struct{ labels bool }

// Ticks implements plot.Ticker.
func (r roundTicks) Ticks(lo, hi float64) []plot.Tick {
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return plot.DefaultTicks{}.Ticks(lo, hi)
	}
	unit := math.Pow(10, math.Floor(math.Log10((hi-lo)/3)))
	step := unit
	for _, m := range []float64{5, 2} {
		if (hi-lo)/(m*unit) >= 3 {
			step = m * unit
			break
		}
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var ticks []plot.Tick
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+step*1e-9; k++ {
		t := plot.Tick{Value: k * step}
		if r.labels {
			t.Label = strconv.FormatFloat(k*step+0, 'f', decimals, 64)
		} else {
			t.Label = " " // without any label a tick would be drawn short
		}
		ticks = append(ticks, t)
	}
	return ticks
}
