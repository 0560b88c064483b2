package weights

import "strings"

// releasedResNet9 has the names of the paper's released code (class ResNet9 of
// sprintml/LocalizingMemorizationInSSL at 7986c7c), in which each of our groups
// of layers is a module with a conv and a batch.
var releasedResNet9 = scheme{name: "the released ResNet-9", theirs: func(ours string) [][]string {
	layer, leaf, _ := strings.Cut(ours, ".")
	for kind, theirs := range map[string]string{"conv": ".conv.", "bn": ".batch."} {
		if id, ok := strings.CutPrefix(layer, kind); ok && releasedModules[id] != "" {
			return [][]string{{releasedModules[id] + theirs + leaf}}
		}
	}
	return nil
}}

var releasedModules = map[string]string{
	"1": "prep", "2_0": "layer1_head", "2_1": "layer1_residual1", "2_2": "layer1_residual2",
	"3": "layer2", "4_0": "layer3_head", "4_1": "layer3_residual1", "4_2": "layer3_residual2",
}
