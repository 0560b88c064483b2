package data_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/locimem/locimem/data"
)

// A data set of your own from arrays in memory: four gray images of 2x2 pixels in two
// classes, taken by two people; one is marked as atypical.
func ExamplePixels() {
	pixels := []uint8{
		0, 0, 0, 0,
		10, 20, 30, 40,
		255, 255, 255, 255,
		200, 210, 220, 230,
	}
	d, err := data.Pixels("mine/train", pixels, [3]int{2, 2, 1}, []int{0, 0, 1, 1}, data.PixelOptions{
		Classes:  []string{"dark", "bright"},
		Atypical: []bool{false, true, false, false},
		Groups:   []string{"ann", "ann", "ben", "ann"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for i := range d.Len() {
		fmt.Println(d.Classes()[d.Label(i)], d.Image(i), data.Atypical(d, i), data.Group(d, i))
	}
	_, err = data.Pixels("mine/test", pixels[:15], [3]int{2, 2, 1}, []int{0, 0, 1, 1}, data.PixelOptions{})
	fmt.Println(err)
	// Output:
	// dark [0 0 0 0] false ann
	// dark [10 20 30 40] true ann
	// bright [255 255 255 255] false ben
	// bright [200 210 220 230] false ann
	// pixels of "mine/test": pixels: found 15, expected 16: 4 labels times 2x2x1
}

// A kind of files of your own under a name, for recipes (data.name: bytes). In a
// program, Register stands in the file that reads them: var _ = data.Register(...).
func ExampleRegister() {
	// A byte for each gray image of 1x1, dark or bright, in the files train and test.
	read := func(path string) (data.Dataset, error) {
		pixels, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		labels := make([]int, len(pixels))
		for i, p := range pixels {
			labels[i] = int(p) / 128
		}
		return data.Pixels("bytes", pixels, [3]int{1, 1, 1}, labels, data.PixelOptions{Classes: []string{"dark", "bright"}})
	}
	data.Register(data.Source{
		Name: "bytes", About: "a byte for each image; files train and test", Shape: [3]int{1, 1, 1},
		Read: func(dir, _ string, _ data.FolderOptions) (train, test data.Dataset, err error) {
			if train, err = read(filepath.Join(dir, "train")); err != nil {
				return nil, nil, err
			}
			test, err = read(filepath.Join(dir, "test"))
			return train, test, err
		},
	})

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string][]byte{"train": {10, 200, 220}, "test": {30}} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			log.Print(err)
		}
	}
	train, test, err := data.SourceOf("bytes").Open(dir, "", data.FolderOptions{})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(train.Len(), train.Classes()[train.Label(1)], test.Len())
	// Output: 3 bright 1
}
