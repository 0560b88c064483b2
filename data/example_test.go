package data_test

import (
	"fmt"
	"log"

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
