package recipe

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
)

var pin = flag.Bool("pin", false, "write testdata/hashes.txt")

// otherValues are settings that differ from those of recipes/default.yaml, one for
// each field of any method, and groups that only count together.
var otherValues = []string{
	"temperature=0.3", "projector=[8]", "projector_bn=true", "predictor=[7]", "predictor_lr=constant", "ema=0.5",
	"ema_schedule=cosine", "queue=401", "bn_splits=5", "symmetric=true", "lambda=0.1", "loss_scale=2", "invariance=1",
	"variance=1", "covariance=2", "prototypes=9", "teacher_temperature=0.1", "teacher_temperature_start=0.02",
	"teacher_temperature_warmup=3", "teacher_temperature_warmup=3 teacher_temperature_start=0.02", "freeze_prototypes=2",
	"freeze_patch=true", "centre_momentum=0.5", "local_crops=2", "local_scale=[0.1,0.3]", "local_size=0.25",
	"local_crops=2 local_scale=[0.1,0.3]", "local_crops=2 local_size=0.75", "mask_ratio=0.5", "decoder_depth=3",
	"decoder_dim=48", "decoder_heads=4", "norm_pix=true",
}

// pinned returns a line for each recipe and each change of a method's settings: what
// it is, and the two hashes, or that it is refused.
func pinned(t *testing.T) []string {
	var lines []string
	files, err := filepath.Glob(filepath.Join(testutil.Root(), "recipes", "*.yaml"))
	require.NoError(t, err)
	for _, f := range files {
		r, err := Load(f, nil)
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%s %s %s", filepath.Base(f), r.Hash(), r.TrainHash()))
	}
	methods := strings.Fields("simclr byol simsiam mocov2 mocov3 barlow vicreg dino mae supervised")
	for _, m := range methods {
		for _, encoder := range []string{"resnet9", "vit_tiny_patch4"} {
			base := []string{"method.name=" + m, "encoder.name=" + encoder}
			for _, change := range append([]string{""}, otherValues...) {
				sets := base
				for field := range strings.FieldsSeq(change) {
					sets = append(sets[:len(sets):len(sets)], "method."+field)
				}
				what := strings.TrimSpace(fmt.Sprintf("%s %s %s", m, encoder, change))
				r, err := Request{Own: sets}.Read() // what has no effect never counted
				if err != nil {
					lines = append(lines, what+" refused")
					continue
				}
				lines = append(lines, fmt.Sprintf("%s %s %s", what, Short(r.Hash()), Short(r.TrainHash())))
			}
		}
	}
	return lines
}

// The hashes of recipes name the runs that there are, so they never change: not those
// of the recipes of the repository, nor what counts of each method's settings.
func TestHashesStay(t *testing.T) {
	const file = "testdata/hashes.txt"
	lines := pinned(t)
	if *pin {
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, lines, len(want))
	for i := range want {
		assert.Equal(t, want[i], lines[i])
	}
}
