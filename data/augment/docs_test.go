package augment

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
)

// docs/methods.md has the table of presets that the code has.
func TestPresetsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(testutil.Root(), "docs", "methods.md"))
	require.NoError(t, err)
	assert.Contains(t, string(doc), presetTable())
}

func presetTable() string {
	var b strings.Builder
	b.WriteString("| preset | crop | flip | vertical | jitter | gray | blur | solarize | invert | second | from " +
		"|\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	number := func(v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprint(v)
	}
	for _, p := range Presets() {
		c, crop, jitter, blur, second := p.first, "", "", "", ""
		if c.Crop.on() {
			crop = fmt.Sprintf("%v to %v", c.Crop.Scale[0], c.Crop.Scale[1])
		}
		if j := c.Jitter; j.P > 0 {
			jitter = fmt.Sprintf("%v, %v, %v, %v: %v", j.Brightness, j.Contrast, j.Saturation, j.Hue, j.P)
		}
		if c.Blur.P > 0 {
			blur = fmt.Sprintf("%v, %d, %v to %v", c.Blur.P, c.Blur.Kernel, c.Blur.Sigma[0], c.Blur.Sigma[1])
		}
		if p.second != nil {
			second = fmt.Sprintf("solarize %v", p.second.Over(c).Solarize)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join([]string{"`" + p.Name + "`", crop, number(c.Flip), number(c.FlipVertical),
			jitter,
			number(c.Gray), blur, number(c.Solarize), number(c.Invert), second, p.About}, " | "))
	}
	return b.String()
}
