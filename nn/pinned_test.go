package nn_test

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/nn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var updatePinned = flag.Bool("update-pinned", false,
	"rewrite testdata/pinned.json: published runs can then no longer be repeated")

// builtIn are the encoders of this package; tests register others later.
var builtIn = nn.EncoderNames()

// pinnedEncoder is what must stay of one encoder, or the scores of published runs
// cannot be computed again.
type pinnedEncoder struct {
	Weights string `json:"weights"` // nn.Hash of seed 7
	Params  string `json:"params"`  // SHA-256 of the names, shapes and flags of the parameters, in order
	Taps    string `json:"taps"`    // SHA-256 of the taps, in order
}

// pin describes an encoder as the file has it.
func pin(t *testing.T, name string, o nn.EncoderOptions) pinnedEncoder {
	enc, err := nn.NewEncoder(name, o, 7)
	require.NoError(t, err)
	sum := func(lines []string) string {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
	}
	var params, taps []string
	for _, p := range enc.Params() {
		params = append(params, fmt.Sprint(p.Name, p.Value.Shape(), p.Buffer, p.NoDecay))
	}
	for _, tap := range enc.Taps() {
		taps = append(taps, fmt.Sprint(tap))
	}
	return pinnedEncoder{nn.Hash(enc.Params()), sum(params), sum(taps)}
}

// Every encoder that this package registers, narrow, with every value of every
// option, and some in full: the initial weights are the same bits as ever, and
// parameters and taps have the same names in the same order.
func TestEncodersArePinned(t *testing.T) {
	const file = "testdata/pinned.json"
	got := map[string]pinnedEncoder{}
	add := func(name, about string, o nn.EncoderOptions) {
		got[strings.TrimSpace(name+" "+about)] = pin(t, name, o)
	}
	for _, name := range builtIn {
		narrow := nn.EncoderOptions{Width: .125}
		add(name, "narrow", narrow)
		for _, v := range nn.Pools(name) {
			o := narrow
			o.Pool = v
			add(name, "pool "+v, o)
		}
		for _, v := range nn.Stems(name) {
			o := narrow
			o.Stem = v
			add(name, "stem "+v, o)
		}
		for _, v := range nn.Norms(name) {
			o := narrow
			o.Norm = v
			add(name, "norm "+v, o)
		}
		for _, v := range nn.Positions(name) {
			o := narrow
			o.Positions = v
			add(name, "positions "+v, o)
		}
	}
	for _, name := range []string{"resnet9", "resnet18", "vit_tiny_patch4"} {
		add(name, "", nn.EncoderOptions{})
	}
	add("resnet50", "gray 72x40", nn.EncoderOptions{Width: .25, InH: 72, InW: 40, InC: 1})
	add("vit_tiny_patch4", "depth 3, drop path", nn.EncoderOptions{Width: .5, Depth: 3, DropPath: .1, InH: 22})
	if *updatePinned {
		b, err := json.MarshalIndent(got, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.FromSlash(file), append(b, '\n'), 0o644))
	}
	b, err := os.ReadFile(filepath.FromSlash(file))
	require.NoError(t, err)
	want := map[string]pinnedEncoder{}
	require.NoError(t, json.Unmarshal(b, &want))
	for key, w := range want {
		assert.Equal(t, w, got[key], key)
	}
	for key := range got {
		assert.Contains(t, want, key, "a new encoder is pinned too: go test ./nn -run EncodersArePinned -update-pinned")
	}
}

// The names come in the order in which lists and errors show them.
func TestEncoderNames(t *testing.T) {
	names := builtIn
	assert.Equal(t, []string{"resnet9", "resnet18", "resnet34", "resnet50", "vit_tiny_patch2"}, names[:5])
	assert.Len(t, names, 4+4*6)
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(names))), len(names))
}
