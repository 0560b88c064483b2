package data

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree makes a folder of gray images; the k-th has the value k.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for k, name := range names {
		put(t, dir, name, gray1(t, 4, 4, uint8(k)))
	}
	return dir
}

// Which folders are parts and which are classes.
func TestPartsOrClasses(t *testing.T) {
	every := small
	every.TestEvery = 2
	for _, c := range []struct {
		name, parts string
		files       string
		classes     string
		train, test int
		note        string
	}{
		{"parts", "", "train/a/0 train/b/0 val/a/0", "a b", 2, 1, ""},
		{"val before test", "auto", "train/a/0 test/a/0 test/a/1 val/a/0", "a", 1, 1,
			"next to train and val, passed over: test (data.folder.parts: TRAIN/TEST takes others)"},
		{"test before valid", "", "train/a/0 test/a/0 test/a/1 valid/a/0", "a", 1, 2,
			"passed over: valid"},
		{"capitals", "", "Train/a/0 Train/b/0 Test/a/0", "a b", 2, 1,
			"the folder Train is taken for the training part, Test for the test part"},
		{"other names", "", "Training/a/0 Testing/a/0", "a", 1, 1,
			"the folder Training is taken for the training part, Testing for"},
		{"validation", "", "train/a/0 Validation/a/0", "a", 1, 1, "train is taken for the training part, Validation for"},
		{"next to others", "", "train/a/0 val/a/0 masks/0", "a", 1, 1, "next to train and val, passed over: masks"},
		{"exact before capitals", "", "train/a/0 Train/a/0 Train/a/1 val/a/0", "a", 1, 1,
			"passed over: Train"},
		{"a class named train", "", "bus/0 bus/1 car/0 car/1 train/0 train/1", "bus car train", 3, 3,
			"the folder train holds images of its own: taken for a class"},
		{"a class named Test", "", "bus/0 bus/1 Test/0 Test/1", "Test bus", 2, 2, "the folder Test holds images"},
		{"a class named val of folders", "", "bus/0 bus/1 val/0 val/x/0", "bus val", 2, 2,
			"the folder val holds images of its own"},
		{"none", "none", "train/a/0 train/b/0 val/a/0 val/b/0", "train val", 2, 2, ""},
		{"named", "Train/Dev", "Train/a/0 Dev/a/0 test/a/0", "a", 1, 1, ""},
		{"twins", "", "left/a/0 left/b/0 right/a/0 right/b/0", "left right", 2, 2,
			"the folders left and right hold folders of the same names (a, b) and are taken for classes: " +
				"data.folder.parts: left/right"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var names []string
			for f := range strings.FieldsSeq(c.files) {
				names = append(names, f+".png")
			}
			o := every
			o.Parts = c.parts
			train, test, err := OpenFolder(tree(t, names...), o)
			require.NoError(t, err)
			assert.Equal(t, strings.Fields(c.classes), train.Classes())
			assert.Equal(t, [2]int{c.train, c.test}, [2]int{train.Len(), test.Len()})
			notes := strings.Join(NotesOf(train), "\n")
			assert.Contains(t, notes, c.note)
			assert.Equal(t, c.note == "", notes == "", notes)
		})
	}
	for _, c := range []struct{ files, parts, want string }{
		{"train/a/0 dev/a/0", "",
			"found the folder train, but neither val nor test next to it (data.folder.parts: TRAIN/TEST names"},
		{"Train/a/0 TRAIN/a/0 val/a/0", "",
			"found the folders TRAIN and Train, expected one (data.folder.parts: TRAIN/TEST says which)"},
		{"Testing/a/0 other/a/0", "", "found the folder Testing, which looks like a part, but no training part"},
		{"train/0 train/1 val/0 val/1", "",
			"train, val: found images of its own, expected a folder for each class in a part"},
		{"train/0 train/1 val/0 bus/0", "", "train, val: found images of its own"},
		{"a/b/0 c/b/0", "a/d", "data.folder.parts: found no folder d"},
		{"a/b/0 c/b/0", "a", `parts: found "a", expected auto, none or the names of two folders`},
	} {
		var names []string
		for f := range strings.FieldsSeq(c.files) {
			names = append(names, f+".png")
		}
		o := every
		o.Parts = c.parts
		_, _, err := OpenFolder(tree(t, names...), o)
		assert.ErrorContains(t, err, c.want)
	}
}

// What is no image does not matter, wherever its link leads; folders and images do.
func TestLinksThatLeadNowhere(t *testing.T) {
	dir := tree(t, "train/a/0.png", "val/a/0.png")
	for _, name := range []string{".#labels.txt", "train/.#labels.txt", "train/a/.#labels.txt", "train/a/loop"} {
		target := "someone@host.12:34"
		if strings.HasSuffix(name, "loop") {
			target = "loop"
		}
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	train, _, err := OpenFolder(dir, small)
	require.NoError(t, err)
	assert.Equal(t, 1, train.Len())
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "train/a/1.png")))
	_, _, err = OpenFolder(dir, small)
	assert.ErrorContains(t, err,
		"train/a/1.png: found a link to nowhere, where no file is; data.folder.skip_unreadable: true leaves such files out")
}

// Names of files need not be UTF-8.
func TestNamesThatAreNotUTF8(t *testing.T) {
	dir := tree(t, "train/a/0.png", "val/a/0.png")
	if err := os.Mkdir(filepath.Join(dir, "train/caf\xe9"), 0o755); err != nil {
		t.Skipf("this file system takes no such name: %v", err)
	}
	put(t, dir, "train/caf\xe9/\xe8.png", gray1(t, 4, 4, 7))
	train, _, err := OpenFolder(dir, small)
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{0, 0}, {1, 7}}, values(train))
}

// Left out, files change nothing: the images are those of the folder without them.
func TestSkipUnreadable(t *testing.T) {
	for _, parts := range []bool{true, false} {
		names := []string{"a/0.png", "a/1.png", "a/2.png", "a/3.png", "b/0.png", "b/1.png", "b/2.png"}
		if parts {
			for i, n := range names {
				names[i] = "train/" + n
			}
			names = append(names, "val/a/0.png", "val/b/0.png")
		}
		dir := tree(t, names...)
		o := small
		o.TestEvery = 2
		train, test, err := OpenFolder(dir, o)
		require.NoError(t, err)
		wantTrain, wantTest := values(train), values(test)

		in := strings.TrimSuffix(names[0], "0.png")
		put(t, dir, in+"00-text.jpg", []byte("hello"))
		put(t, dir, in+"00.tif", []byte("II*"))
		put(t, dir, in+"1-cut.jpg", []byte("\xff\xd8\xff\xe0"))
		require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, in+"0-link.png")))
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, in+"9.png"), 0o644))
		_, _, err = OpenFolder(dir, o)
		assert.ErrorContains(t, err, "skip_unreadable: true leaves such files out")

		o.SkipUnreadable = true
		train, test, err = OpenFolder(dir, o)
		require.NoError(t, err)
		assert.Equal(t, wantTrain, values(train))
		assert.Equal(t, wantTest, values(test))
		skipped := SkippedOf(train)
		require.Len(t, skipped, 5)
		assert.Empty(t, SkippedOf(test))
		reasons := map[string]string{}
		for _, s := range skipped {
			reasons[strings.TrimPrefix(s.File, in)] = s.Reason
		}
		for file, want := range map[string]string{
			"00-text.jpg": `starts with "hello": no image of a known format`,
			"00.tif":      "files of type .tif are not read",
			"1-cut.jpg":   "jpeg: header: the file ends too early",
			"0-link.png":  "found a link to /etc/passwd, which is outside of the folder",
			"9.png":       "found something that is not a regular file (p",
		} {
			assert.Contains(t, reasons[file], want)
		}
		assert.Contains(t, SkippedNote(skipped), "(data.folder.skip_unreadable): 5: "+in)
		assert.Equal(t, in+"0.png", FileOf(train, 0))
		assert.Equal(t, skipped, Check(train).Skipped)
	}
	dir := tree(t, "train/a/0.png", "val/a/0.png")
	put(t, dir, "train/b/0.png", []byte("x"))
	o := small
	o.SkipUnreadable = true
	_, _, err := OpenFolder(dir, o)
	assert.ErrorContains(t, err, `class b: found no image that can be read (train/b/0.png: starts with "x"`)
}

func TestSkippedNoteNamesTwenty(t *testing.T) {
	skipped := make([]Skipped, 23)
	for i := range skipped {
		skipped[i].File = "f" + itoa(i)
	}
	note := SkippedNote(skipped)
	assert.Contains(t, note, ": 23: f0, f1,")
	assert.Contains(t, note, "f19 and 3 more")
	assert.NotContains(t, note, "f20")
}

// Equal images are found within a part, across parts and across sets.
func TestEqualImagesAcrossPartsAndSets(t *testing.T) {
	dir := tree(t, "train/a/0.png", "train/a/1.png", "train/b/2.png", "train/b/3.png", "val/a/4.png", "val/b/5.png")
	put(t, dir, "train/b/4.png", gray1(t, 4, 4, 0)) // train/a/0.png
	put(t, dir, "val/b/6.png", gray1(t, 4, 4, 1))   // train/a/1.png
	train, test, err := OpenFolder(dir, small)
	require.NoError(t, err)
	parts := CheckParts(train, test)
	assert.Equal(t, [][2]int{{4, 0}}, parts[0].Duplicates)
	assert.Empty(t, parts[0].Across)
	assert.Empty(t, parts[1].Duplicates)
	assert.Equal(t, [][2]int{{2, 1}}, parts[1].Across)

	s, err := SplitOf(train, test, SplitSets{Shared: []int{3}, Candidate: []int{0, 1}, Independent: []int{2, 4},
		External: []int{0, 1, 2}})
	require.NoError(t, err)
	equal := s.EqualAcross(train, test)
	assert.Equal(t, []Equal{
		{Sets: [2]string{"candidate", "independent"}, Images: 1, Of: 2, First: [2]int{0, 4}},
		{Sets: [2]string{"candidate", "external"}, Images: 1, Of: 2, First: [2]int{1, 2}},
	}, equal)
	assert.Equal(t, "1 of 2 candidate images have the same pixels as independent ones (train/a/0.png and train/b/4.png): "+
		"g trained on them too, so what f memorized of them does not show", equal[0].Note(train, test))
	assert.Contains(t, equal[1].Note(train, test), "(train/a/1.png and val/b/6.png): f trained on these external images")
	assert.Len(t, Notes(train, test, s), 3)

	s, err = SplitOf(train, test, SplitSets{Shared: []int{3}, Candidate: []int{0, 4}, Independent: []int{2},
		External: []int{0, 1}})
	require.NoError(t, err)
	assert.Empty(t, s.EqualAcross(train, test), "equal images in one set")
	assert.Empty(t, Notes(train, test, s))
}
