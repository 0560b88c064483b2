package weights

// scheme is how a family of programs names the parameters of an encoder. A new
// one is a file with a scheme and an entry in schemes.
type scheme struct {
	name string
	// theirs returns the scheme's name of a parameter, without prefix; "" for one
	// that it does not have.
	theirs func(ours string) string
}

// schemes lists all; the first has our own names.
var schemes = []scheme{torchvision, releasedResNet9}

// Schemes returns the names of the schemes that LoadEncoder knows.
func Schemes() []string {
	var names []string
	for _, s := range schemes {
		names = append(names, s.name)
	}
	return names
}

// heads are first words of names of what sits on top of an encoder: classifiers,
// projectors, predictors, and the decoder of MAE.
var heads = []string{
	"fc", "classifier", "linear", "head", "heads", "projector", "projection", "projection_head",
	"projection_mlp", "proj_head", "predictor", "prediction_head", "prototypes", "contrastive_head",
	"head_dist", "mask_token",
	"decoder", "decoder_embed", "decoder_pos_embed", "decoder_blocks", "decoder_norm", "decoder_pred",
}

// Heads returns the first words of names that LoadEncoder leaves out behind the
// prefix.
func Heads() []string { return append([]string(nil), heads...) }

// torchvision's names of ResNets are our own: its modules are called as our
// layers, conv1.weight to layer4.1.bn2.running_var. So are timm's names of vision
// transformers, which facebookresearch/mae has too.
var torchvision = scheme{"torchvision", func(ours string) string { return ours }}
