package recipes

import _ "embed"

// CIFAR10Mini is the text of cifar10-mini.yaml: the base of the studies on CIFAR-10.
//
//go:embed cifar10-mini.yaml
var CIFAR10Mini []byte
