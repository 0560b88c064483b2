package data

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func synthetic(t testing.TB, o SyntheticOptions) Dataset {
	t.Helper()
	d, err := NewSynthetic(o)
	require.NoError(t, err)
	return d
}

// parts returns small training and test parts.
func parts(t testing.TB) (train, test Dataset) {
	t.Helper()
	return synthetic(t, SyntheticOptions{N: 60, Size: 16}), synthetic(t, SyntheticOptions{N: 30, Size: 16, Part: Test})
}

func TestSplitIsDisjointAndOfTheSizesAsked(t *testing.T) {
	train, test := parts(t)
	s, err := MakeSplit(train, test, SplitOptions{Shared: 30, Candidate: 10, Independent: 12, External: 30, Seed: 5})
	require.NoError(t, err)
	assert.Len(t, s.Shared, 30)
	assert.Len(t, s.Candidate, 10)
	assert.Len(t, s.Independent, 12)
	assert.Len(t, s.External, 30)
	seen := map[int]bool{}
	for _, i := range append(append(append([]int{}, s.Shared...), s.Candidate...), s.Independent...) {
		assert.False(t, seen[i], "image %d", i)
		seen[i] = true
	}
	f, g := s.TrainF(), s.TrainG()
	assert.Equal(t, f[:30], g[:30])
	assert.Equal(t, s.Candidate, f[30:])
	assert.Equal(t, s.Independent, g[30:])
	// The lists are copies: appending to one must not reach into another set.
	_ = append(f[:30], -1)
	_ = append(s.Candidate, -1)
	assert.NotContains(t, append(s.Shared, s.Independent...), -1)
}

func TestSplitDependsOnTheSeed(t *testing.T) {
	train, test := parts(t)
	o := SplitOptions{Shared: 20, Candidate: 10, Independent: 10, External: 10, Seed: 1}
	a, err := MakeSplit(train, test, o)
	require.NoError(t, err)
	b, err := MakeSplit(train, test, o)
	require.NoError(t, err)
	assert.Equal(t, a, b)
	// Other numbers of shared images leave the other sets alone.
	o.Shared = 40
	more, err := MakeSplit(train, test, o)
	require.NoError(t, err)
	assert.Equal(t, a.Candidate, more.Candidate)
	assert.Equal(t, a.Independent, more.Independent)
	assert.Equal(t, a.External, more.External)
	assert.Equal(t, a.Shared, more.Shared[:20])
	o.Seed = 2
	other, err := MakeSplit(train, test, o)
	require.NoError(t, err)
	assert.NotEqual(t, more.Candidate, other.Candidate)
	assert.NotEqual(t, more.Hash(), other.Hash())
	// Pinned: another permutation would change every run that has a seed.
	assert.Equal(t, []int{42, 52, 55}, a.Candidate[:3])
}

// Across the pairs of a couple every image of the universe is a candidate as often as
// an independent, and a pair does not depend on the pairs after it.
func TestCrossedSplits(t *testing.T) {
	train, test := parts(t)
	o := SplitOptions{Shared: 15, Candidate: 20, Independent: 20, External: 10, Seed: 4}
	plain, err := MakeSplit(train, test, o)
	require.NoError(t, err)
	universe := map[int]bool{}
	for _, i := range append(append([]int{}, plain.Candidate...), plain.Independent...) {
		universe[i] = true
	}
	var pairs []*Split
	for o.Pair = 1; o.Pair <= 6; o.Pair++ {
		s, err := MakeSplit(train, test, o)
		require.NoError(t, err)
		pairs = append(pairs, s)
		assert.Equal(t, plain.Shared, s.Shared)
		assert.Equal(t, plain.External, s.External)
		seen := map[int]bool{}
		for _, i := range append(append([]int{}, s.Candidate...), s.Independent...) {
			assert.True(t, universe[i] && !seen[i], "pair %d, image %d", o.Pair, i)
			seen[i] = true
		}
	}
	for k := 0; k < len(pairs); k += 2 {
		assert.Equal(t, pairs[k].Candidate, pairs[k+1].Independent, "the halves of a couple")
		assert.Equal(t, pairs[k].Independent, pairs[k+1].Candidate)
	}
	assert.NotEqual(t, pairs[0].Candidate, pairs[2].Candidate)
	assert.NotEqual(t, pairs[2].Candidate, pairs[4].Candidate)
	both := 0 // of independent draws half of the candidates agree, 10 of 20
	for _, i := range pairs[0].Candidate {
		if slices.Contains(pairs[2].Candidate, i) {
			both++
		}
	}
	assert.InDelta(t, 10, both, 6)
	// Pinned: another draw would change every crossed run.
	assert.Equal(t, []int{49, 1, 46}, pairs[0].Candidate[:3])
}

func TestSplitFromRanges(t *testing.T) {
	train, test := parts(t)
	s, err := MakeSplit(train, test, SplitOptions{Ranges: &SplitRanges{Shared: [2]int{0, 40}, Candidate: [2]int{40, 50},
		Independent: [2]int{50, 60}, External: [2]int{3, 5}}})
	require.NoError(t, err)
	assert.Equal(t, 39, s.Shared[39])
	assert.Equal(t, []int{40, 41, 42, 43, 44, 45, 46, 47, 48, 49}, s.Candidate)
	assert.Equal(t, 50, s.Independent[0])
	assert.Equal(t, []int{3, 4}, s.External)

	paper := PaperRanges()
	_, err = MakeSplit(train, test, SplitOptions{Ranges: &paper})
	assert.ErrorContains(t, err,
		"shared: the range 0 to 40000 asks for more than synthetic-10x16-seed0/train has (60 images)")
}

func TestBadSplits(t *testing.T) {
	train, test := parts(t)
	const name = "synthetic-10x16-seed0/"
	for _, c := range []struct {
		o    SplitOptions
		want string
	}{
		{SplitOptions{Shared: 50, Candidate: 5, Independent: 6},
			"split: shared + candidate + independent: asked for 50 + 5 + 6 images, " + name + "train has 60"},
		{SplitOptions{Shared: 1 << 62, Candidate: 1 << 62, Independent: 1 << 62}, "asked for"},
		{SplitOptions{Shared: 5, Candidate: 5, External: 31}, "external: asked for 31 images, " + name + "test has 30"},
		{SplitOptions{Shared: -1, Candidate: 5}, "shared: found -1, expected 0 or more"},
		{SplitOptions{Shared: 5, Independent: 5}, "candidate: the set is empty"},
		{SplitOptions{Candidate: 5}, "encoder g would have no images"},
		{SplitOptions{Shared: 5, Candidate: 5, Independent: 6, Pair: 1},
			"candidate and independent: found 5 and 6 images, expected equal numbers in a crossed split"},
		{SplitOptions{Shared: 5, Candidate: 5, Independent: 5, Pair: -1}, "pair: found -1"},
		{SplitOptions{Pair: 2, Ranges: &SplitRanges{}}, "and ranges are both given"},
		{SplitOptions{Shared: 1, Ranges: &SplitRanges{}}, "sizes (or a pair) and ranges are both given"},
		{SplitOptions{Ranges: &SplitRanges{Shared: [2]int{0, 20}, Candidate: [2]int{19, 30}, Independent: [2]int{30, 40}}},
			"candidate: image 19 of " + name + "train is in shared too: the sets must not overlap"},
		{SplitOptions{Ranges: &SplitRanges{Candidate: [2]int{5, 2}}}, "candidate: found the range 5 to 2"},
		{SplitOptions{Ranges: &SplitRanges{Shared: [2]int{-1, 2}}}, "shared: found the range -1 to 2"},
	} {
		_, err := MakeSplit(train, test, c.o)
		assert.ErrorContains(t, err, c.want, "%+v", c.o)
	}
	_, err := MakeSplit(train, synthetic(t, SyntheticOptions{N: 5, Size: 17}), SplitOptions{Shared: 5, Candidate: 5})
	assert.ErrorContains(t, err, "[16 16 3]")
}

func TestManifestRoundTrip(t *testing.T) {
	train, test := parts(t)
	ranges := &SplitRanges{Shared: [2]int{0, 3}, Candidate: [2]int{4, 5}}
	for _, o := range []SplitOptions{{Shared: 30, Candidate: 10, Independent: 10, External: 7, Seed: 1<<64 - 1},
		{Ranges: ranges}} {
		s, err := MakeSplit(train, test, o)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "split.json")
		require.NoError(t, s.Write(path))
		back, err := ReadSplit(path)
		require.NoError(t, err)
		assert.Equal(t, s, back)
		assert.Equal(t, s.Hash(), back.Hash())
		assert.NoError(t, back.Verify(train, test))
	}
}

func TestVerifyNamesWhatDiffers(t *testing.T) {
	train, test := parts(t)
	s, err := MakeSplit(train, test, SplitOptions{Shared: 20, Candidate: 10, Independent: 10, External: 10})
	require.NoError(t, err)
	change := func(d Dataset, f func(d *images)) Dataset {
		c := *d.(*images)
		c.pixels = append([]uint8{}, c.pixels...)
		c.labels = append([]uint16{}, c.labels...)
		f(&c)
		return &c
	}
	i := s.Candidate[3]
	err = s.Verify(change(train, func(d *images) { d.Image(i)[100] ^= 1 }), test)
	assert.ErrorContains(t, err, "candidate: image "+itoa(i)+" of synthetic-10x16-seed0/train is not the one")
	i = s.External[0]
	err = s.Verify(train, change(test, func(d *images) { d.labels[i] ^= 1 }))
	assert.ErrorContains(t, err, "external: image "+itoa(i)+" of synthetic-10x16-seed0/test is not the one")
	err = s.Verify(change(train, func(d *images) { d.name = "other" }), test)
	assert.ErrorContains(t, err, "train: found the data set other, expected synthetic-10x16-seed0/train")
	err = s.Verify(train, change(test, func(d *images) { d.labels = d.labels[:29] }))
	assert.ErrorContains(t, err, "test: synthetic-10x16-seed0/test has 29 images, expected 30")
	err = s.Verify(train, change(test, func(d *images) { d.h, d.w = 8, 32 }))
	assert.ErrorContains(t, err, "images of shape [8 32 3], expected [16 16 3]")
	// An image that is in no set may differ.
	in := map[int]bool{}
	for _, j := range append(s.TrainF(), s.Independent...) {
		in[j] = true
	}
	for j := range train.Len() {
		if !in[j] {
			assert.NoError(t, s.Verify(change(train, func(d *images) { d.Image(j)[0] ^= 1 }), test))
		}
	}
}

func itoa(i int) string { b, _ := json.Marshal(i); return string(b) }

func TestReadSplitRefusesBrokenFiles(t *testing.T) {
	train, test := parts(t)
	s, err := MakeSplit(train, test, SplitOptions{Shared: 20, Candidate: 10, Independent: 10, External: 10})
	require.NoError(t, err)
	dir := t.TempDir()
	good := filepath.Join(dir, "split.json")
	require.NoError(t, s.Write(good))
	text, err := os.ReadFile(good)
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		change func(m *manifest)
		want   string
	}{
		{"version", func(m *manifest) { m.Version = 2 }, "version: found 2, expected 1"},
		{"length", func(m *manifest) { m.Sets.Candidate.Images = 9 },
			"sets.candidate: found 10 indices and 10 hashes, expected 9 of each"},
		{"hash missing", func(m *manifest) { m.Sets.External.SHA256 = m.Sets.External.SHA256[1:] },
			"sets.external: found 10 indices and 9 hashes"},
		{"twice", func(m *manifest) { m.Sets.Shared.Indices[1] = m.Sets.Shared.Indices[0] }, "is in the set twice"},
		{"overlap", func(m *manifest) { m.Sets.Candidate.Indices[1] = m.Sets.Shared.Indices[0] }, "sets.candidate: image"},
		{"outside", func(m *manifest) { m.Sets.Independent.Indices[1] = 60 }, "sets.independent: entry 1 is image 60"},
		{"negative", func(m *manifest) { m.Sets.External.Indices[0] = -1 }, "sets.external: entry 0 is image -1"},
		{"image changed", func(m *manifest) { m.Sets.External.SHA256[0] = strings.Repeat("0", 64) }, "sha256: found"},
		{"no sets", func(m *manifest) { m.Sets = manifestSets{} }, "candidate: the set is empty"},
	} {
		var m manifest
		require.NoError(t, json.Unmarshal(text, &m))
		c.change(&m)
		b, err := json.Marshal(m)
		require.NoError(t, err)
		path := filepath.Join(dir, "broken.json")
		write(t, path, b)
		_, err = ReadSplit(path)
		assert.ErrorContains(t, err, c.want, c.name)
		assert.ErrorContains(t, err, path, c.name)
	}
	write(t, filepath.Join(dir, "cut.json"), text[:len(text)/2])
	_, err = ReadSplit(filepath.Join(dir, "cut.json"))
	assert.ErrorContains(t, err, "not a split")
	write(t, filepath.Join(dir, "long.json"), append(text, '{'))
	_, err = ReadSplit(filepath.Join(dir, "long.json"))
	assert.ErrorContains(t, err, "something follows")
	_, err = ReadSplit(filepath.Join(dir, "none.json"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestWriteKeepsTheOldFileWhereItFails(t *testing.T) {
	train, test := parts(t)
	s, err := MakeSplit(train, test, SplitOptions{Shared: 20, Candidate: 10, Independent: 10})
	require.NoError(t, err)
	assert.Error(t, s.Write(filepath.Join(t.TempDir(), "none", "split.json")))
}

// FuzzReadSplit checks that no bytes make a manifest that breaks the rules.
func FuzzReadSplit(f *testing.F) {
	f.Add(`{"version":1}`)
	f.Add(`{"version":1,"train":{"images":2},` +
		`"sets":{"candidate":{"images":1,"indices":[0],"sha256":["x"]},"shared":{"images":1,"indices":[1],"sha256":["x"]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readManifest(strings.NewReader(text))
		if err == nil {
			require.NoError(t, s.check())
			require.Equal(t, len(s.Candidate), len(s.sha256[1]))
		}
	})
}
