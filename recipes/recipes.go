// Package recipes holds the recipes that come with the program.
package recipes

import _ "embed"

// Default is the text of default.yaml: the recipe that runs without any file and
// that gives every other recipe the values it does not name.
//
//go:embed default.yaml
var Default []byte

// CIFAR10Mini is the text of cifar10-mini.yaml: the base of the studies on CIFAR-10.
//
//go:embed cifar10-mini.yaml
var CIFAR10Mini []byte

// PaperSimCLR is the text of paper-simclr.yaml: the base of the studies at the paper's
// scale.
//
//go:embed paper-simclr.yaml
var PaperSimCLR []byte
