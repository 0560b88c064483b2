package page

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/memorize"
)

func TestReading(t *testing.T) {
	taps := func(se float64, lows ...float64) *Summary {
		s := &Summary{Level: .95}
		for i, lo := range lows {
			s.Taps = append(s.Taps, TapRow{Tap: string(rune('a' + i)), Controlled: &memorize.Stat{Mean: lo + .1, SE: se, Lo: lo, Hi: lo + .2}})
		}
		return s
	}
	assert.Contains(t, taps(.05, -1, -1).Reading(), "No memorization shows: the 95 % interval of the controlled score lies above 0 in none of the 2 taps")
	s := taps(.1, -1, .1, .2, -1, .1, -1, .3, .4)
	// 8 taps ask for 2.73 standard errors.
	assert.Equal(t, []string{"c", "g", "h"}, s.Beyond())
	text := s.Reading()
	assert.Contains(t, text, "Memorization shows: the 95 % interval of the controlled score lies above 0 in 5 of 8 taps (b to c, e, all from g on), in 3 of them by more")
	assert.Contains(t, text, "largest in h, 0.5000 [0.4000, 0.6000]")
	assert.Contains(t, taps(.1, -1, .1, -1).Reading(), "does not show for sure: the 95 % interval of the controlled score lies above 0 in 1 of 3 taps (b), but in none")
	assert.Contains(t, (&Summary{}).Reading(), "no controlled score")
}
