// Package recipes holds the recipes that come with the program.
package recipes

import "embed"

// Default is the text of default.yaml: the recipe that runs without any file and
// that gives every other recipe the values it does not name.
//
//go:embed default.yaml
var Default []byte

// CIFAR10Mini is the text of cifar10-mini.yaml: the base of the studies on CIFAR-10.
//
//go:embed cifar10-mini.yaml
var CIFAR10Mini []byte

//go:embed *-mini.yaml paper-*.yaml
var files embed.FS

// Read returns the text of the recipe of that name, such as byol-mini or paper-byol.
func Read(name string) ([]byte, error) { return files.ReadFile(name + ".yaml") }
