package data

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gray1 returns a PNG of one colour.
func gray1(t testing.TB, h, w int, v uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = v
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

// put writes a file below dir and makes its folders.
func put(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, b, 0o644))
}

var small = FolderOptions{Size: [2]int{4, 4}}

// values returns the class and the gray value of every image.
func values(d Dataset) (out [][2]int) {
	for i := range d.Len() {
		out = append(out, [2]int{d.Label(i), int(d.Image(i)[0])})
	}
	return out
}

// The order is Python's: capitals first, 10 before 2, the files of a folder
// before those of the folders in it, and folders by their whole path.
func TestFolderOrder(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"train/Zebra/10.png", "train/Zebra/2.PNG", "train/Zebra/a.jpg", "train/Zebra/a-b/x.png", "train/Zebra/a/b.png", "train/Zebra/a/b/c.png", "train/ant/0.png", "train/ünder/1.png"} {
		put(t, dir, name, gray1(t, 5, 4, uint8(i)))
	}
	put(t, dir, "val/ant/7.png", gray1(t, 4, 4, 100))
	put(t, dir, "val/Zebra/7.png", gray1(t, 4, 9, 101))
	put(t, dir, "train/ant/notes.txt", []byte("no image"))
	put(t, dir, "train/readme.png", []byte("not in a class"))
	train, test, err := OpenFolder(dir, small)
	require.NoError(t, err)
	assert.Equal(t, []string{"Zebra", "ant", "ünder"}, train.Classes())
	assert.Equal(t, train.Classes(), test.Classes())
	assert.Equal(t, [][2]int{{0, 0}, {0, 1}, {0, 2}, {0, 4}, {0, 3}, {0, 5}, {1, 6}, {2, 7}}, values(train))
	assert.Equal(t, [][2]int{{0, 101}, {1, 100}}, values(test))
	assert.Equal(t, "folder-4x4-crop4/train", train.Name())
	h, w, c := train.Shape()
	assert.Equal(t, [3]int{4, 4, 3}, [3]int{h, w, c})
}

func TestFolderWithoutParts(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a/0.png", "a/1.png", "a/2.png", "a/3.png", "b/0.png", "b/1.png"} {
		put(t, dir, name, gray1(t, 4, 4, uint8(i)))
	}
	_, _, err := OpenFolder(dir, small)
	assert.ErrorContains(t, err, dir+": found no folders train and val (or test), and test_every is 0")
	o := small
	o.TestEvery = 2
	train, test, err := OpenFolder(dir, o)
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{0, 0}, {0, 2}, {1, 4}}, values(train))
	assert.Equal(t, [][2]int{{0, 1}, {0, 3}, {1, 5}}, values(test))
	o.TestEvery = 5
	_, _, err = OpenFolder(dir, o)
	assert.ErrorContains(t, err, "found no images for the test part")
}

func TestBadFolders(t *testing.T) {
	outside := t.TempDir()
	put(t, outside, "x.png", gray1(t, 4, 4, 1))
	link := func(target, name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { require.NoError(t, os.Symlink(target, filepath.Join(dir, name))) }
	}
	file := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { put(t, dir, name, []byte(content)) }
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"broken image", file("train/b/2.jpg", "\xff\xd8\xff\xe0 and no more"), "train/b/2.jpg: jpeg: header: "},
		{"text", file("train/a/0.png", "hello"), `train/a/0.png: starts with "hello": no image of a known format`},
		{"empty", file("train/a/0.png", ""), "train/a/0.png: file is empty"},
		{"link out", link(filepath.Join(outside, "x.png"), "train/a/y.png"), "train/a/y.png: found a link to " + filepath.Join(outside, "x.png") + ", which is outside of the folder: links must stay inside"},
		{"link up", link("../../../x.png", "train/a/y.png"), "train/a/y.png: found a link to ../../../x.png, where no file is"},
		{"class linked out", link(outside, "train/c"), "train/c: found a link to a folder outside of "},
		{"class linked", link("a", "train/c"), "train/c: found a link to a folder"},
		{"loop", link("..", "train/a/up"), "train/a/up: found a link to a folder"},
		{"class without images", file("train/c/readme", "x"), "train/c: found no image (.jpg"},
		{"class in val only", func(t *testing.T, dir string) { put(t, dir, "val/c/1.png", gray1(t, 4, 4, 1)) }, `val: the class "c" is not in the training part`},
		{"tiff", file("train/a/1.tif", "II*"), "train/a/1.tif: files of type .tif are not read"},
		{"no val", func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, "val"))) }, "found the folder train, but neither val nor test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"train/a/1.png", "train/b/1.png", "val/a/1.png"} {
				put(t, dir, name, gray1(t, 4, 4, 1))
			}
			c.make(t, dir)
			_, _, err := OpenFolder(dir, small)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "folder: "+dir+": ")
		})
	}
	// A link to a file inside is as good as the file.
	dir := t.TempDir()
	for _, name := range []string{"train/a/1.png", "val/a/1.png"} {
		put(t, dir, name, gray1(t, 4, 4, 9))
	}
	link("1.png", "train/a/2.png")(t, dir)
	train, _, err := OpenFolder(dir, small)
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{0, 9}, {0, 9}}, values(train))

	for want, o := range map[string]FolderOptions{
		"size: found [0 4]":    {Size: [2]int{0, 4}},
		"size: found [4 4097]": {Size: [2]int{4, 4097}},
		"shorter: found 3":     {Size: [2]int{4, 4}, Shorter: 3},
		"test_every: found 1":  {Size: [2]int{4, 4}, TestEvery: 1},
	} {
		_, _, err := OpenFolder(dir, o)
		assert.ErrorContains(t, err, want)
	}
	_, _, err = OpenFolder(filepath.Join(dir, "none"), small)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// colours makes a 64x64 PNG.
func colours(t testing.TB, v uint8) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		img.Set(i%64, i/64, color.RGBA{v, uint8(i), uint8(i / 64), 255})
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

func TestTinyImageNetOfficial(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "tiny-imagenet-200")
	put(t, dir, "wnids.txt", []byte("n02\nn01\n"))
	put(t, dir, "words.txt", []byte("n01\tgoldfish, Carassius auratus\nn03\tother\n"))
	for k, id := range []string{"n01", "n02"} {
		put(t, dir, "train/"+id+"/"+id+"_boxes.txt", []byte("x"))
		for i := range 3 {
			put(t, dir, "train/"+id+"/images/"+id+"_"+itoa(i)+".JPEG", colours(t, uint8(10*k+i)))
		}
	}
	for i := range 4 {
		put(t, dir, "val/images/val_"+itoa(i)+".JPEG", colours(t, uint8(100+i)))
	}
	annotations := "val_0.JPEG\tn02\t0\t0\t1\t1\nval_1.JPEG\tn01\t0\t0\t1\t1\nval_3.JPEG\tn01\t0\t0\t1\t1\nval_2.JPEG\tn02\t0\t0\t1\t1\n"
	put(t, dir, "val/val_annotations.txt", []byte(annotations))
	train, test, err := openTiny(outer, 2, 3, 2)
	require.NoError(t, err)
	assert.Equal(t, []string{"goldfish", "n02"}, train.Classes())
	assert.Equal(t, [][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 10}, {1, 11}, {1, 12}}, values(train))
	assert.Equal(t, [][2]int{{1, 100}, {0, 101}, {0, 103}, {1, 102}}, values(test))
	assert.Equal(t, "tiny-imagenet/test", test.Name())

	// Sorted into folders of their classes, the validation images are the same data.
	sorted := filepath.Join(t.TempDir(), "sorted")
	require.NoError(t, os.CopyFS(sorted, os.DirFS(dir)))
	for i, id := range []string{"n02", "n01", "n02", "n01"} {
		name := "val_" + itoa(i) + ".JPEG"
		require.NoError(t, os.MkdirAll(filepath.Join(sorted, "val", id, "images"), 0o755))
		require.NoError(t, os.Rename(filepath.Join(sorted, "val/images", name), filepath.Join(sorted, "val", id, "images", name)))
	}
	require.NoError(t, os.Remove(filepath.Join(sorted, "val/images")))
	_, again, err := openTiny(sorted, 2, 3, 2)
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{1, 100}, {0, 101}, {1, 102}, {0, 103}}, values(again))
	assert.Equal(t, test.Name(), again.Name())
	assert.Equal(t, "val/n02/images/val_2.JPEG", FileOf(again, 2))
	require.NoError(t, os.Rename(filepath.Join(sorted, "val/n01/images/val_1.JPEG"), filepath.Join(sorted, "val/n01/images/one.JPEG")))
	_, _, err = openTiny(sorted, 2, 3, 2)
	assert.ErrorContains(t, err, "val/n01/images/one.JPEG: found no number, expected the official name of an image")

	_, _, err = OpenTinyImageNet(outer)
	assert.ErrorContains(t, err, "wnids.txt: found 2 classes in 2 lines, expected 200")
	_, _, err = openTiny(dir, 2, 4, 2)
	assert.ErrorContains(t, err, "train part: class n01: found 3 images, expected 4")
	for bad, want := range map[string]string{
		"../x.JPEG\tn01\n":                          `line 1: found "../x.JPEG\tn01", expected the name of a file`,
		"val_0.JPEG\n":                              `line 1: found "val_0.JPEG", expected the name`,
		"val_0.JPEG\tn03\n":                         `line 1: class: found "n03", which is not in wnids.txt`,
		"val_0.JPEG\tn01\nval_0.JPEG\tn01\n":        "line 2: found",
		strings.Replace(annotations, "_2", "_9", 1): "val/images/val_9.JPEG",
	} {
		put(t, dir, "val/val_annotations.txt", []byte(bad))
		_, _, err = openTiny(dir, 2, 3, 2)
		assert.ErrorContains(t, err, want)
	}
	put(t, dir, "val/val_annotations.txt", []byte(annotations))
	put(t, dir, "val/images/val_3.JPEG", gray1(t, 64, 63, 0))
	_, _, err = openTiny(dir, 2, 3, 2)
	assert.ErrorContains(t, err, "val/images/val_3.JPEG: size: found 64 x 63, expected 64 x 64")
	_, _, err = OpenTinyImageNet(t.TempDir())
	assert.ErrorContains(t, err, "found neither wnids.txt nor classes.txt")
}

func TestTinyImageNetPart(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "classes.txt", []byte("0\tn07\tcat, cats\n1\tn09\tdog\n"))
	for k, id := range []string{"n07", "n09"} {
		put(t, dir, "train/"+id+"/1.JPEG", colours(t, uint8(k)))
		put(t, dir, "val/"+id+"/1.JPEG", colours(t, uint8(10+k)))
	}
	train, test, err := openTiny(dir, 200, 1, 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"cat", "dog"}, train.Classes())
	assert.Equal(t, "tiny-imagenet-2/train", train.Name())
	assert.Equal(t, [][2]int{{0, 0}, {1, 1}}, values(train))
	assert.Equal(t, [][2]int{{0, 10}, {1, 11}}, values(test))
	_, _, err = OpenTinyImageNet(dir)
	assert.ErrorContains(t, err, "class n07: found 1 images, expected 500")
}

// FuzzImage checks that no bytes make the decoders panic or allocate without
// bound, and that no label path leads out of its folder.
func FuzzImage(f *testing.F) {
	files, err := filepath.Glob("testdata/images/*")
	require.NoError(f, err)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b, "cat/1.png")
	}
	f.Add(gray1(f, 3, 3, 7), "../x.png")
	f.Add(gray1(f, 1, 300, 7), "a/../../x.PNG")
	f.Add([]byte{}, "val_0.JPEG\tn01\t0")
	f.Fuzz(func(t *testing.T, b []byte, label string) {
		if r, err := decodeImage(b); err == nil {
			if n := r.h * r.w; n > freePixels+pixelsPerByte*len(b) || len(r.pix) != 3*n {
				t.Fatalf("%d x %d of %d bytes", r.h, r.w, len(b))
			}
			if r.h*r.w < 1<<20 {
				r.fit(make([]uint8, 4*4*3), small)
				r.fit(make([]uint8, 4*4*3), FolderOptions{Size: [2]int{4, 4}, Stretch: true})
			}
		}
		// The label path as a link and as an annotation: with only one image in
		// the folder, what is read must be that one.
		// (Files cost time: not beside the bytes of a real image.)
		if strings.ContainsAny(label, "\x00\n\r") || len(label) > 200 || label == "" || len(b) > 100 {
			return
		}
		dir := t.TempDir()
		put(t, dir, "secret.png", gray1(t, 64, 64, 99))
		put(t, dir, "root/wnids.txt", []byte("n01\n"))
		put(t, dir, "root/train/n01/0.png", gray1(t, 64, 64, 1))
		put(t, dir, "root/val/images/0.png", gray1(t, 64, 64, 2))
		put(t, dir, "root/val/val_annotations.txt", []byte(label+"\tn01\n"))
		if _, test, err := openTiny(filepath.Join(dir, "root"), 1, 1, 1); err == nil && test.Image(0)[0] != 2 {
			t.Fatalf("annotation %q reads another image", label)
		}
		if os.Symlink(label, filepath.Join(dir, "root/train/n01/1.png")) == nil {
			if train, _, err := openTiny(filepath.Join(dir, "root"), 1, 2, 1); err == nil && train.Image(1)[0] == 99 {
				t.Fatalf("link %q leads out", label)
			}
		}
	})
}
