package buildinfo

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQuoted(t *testing.T) {
	assert.Equal(t, `run --set 'score.taps=[a, b]' 'it'\''s' x=1`,
		Quoted([]string{"run", "--set", "score.taps=[a, b]", "it's", "x=1"}))
}

func TestNow(t *testing.T) {
	h := Now()
	assert.NotEmpty(t, h.Version)
	assert.Contains(t, h.Command, "buildinfo.test")
	assert.Positive(t, h.Cores)
}
