package main

import "github.com/alecthomas/kong"

// helpTexts are the longer texts of flags, by the command or group of flags and the field
// that they belong to: help:"${command_field}".
var helpTexts = kong.Vars{
	"bench_all":           "Time all that needs no other program, next to the peak of this machine (the default).",
	"bench_peak":          "Measure the peak of this machine: multiply-adds on registers alone, reading from memory.",
	"benchconv_net":       "resnet9, resnet18 (of CIFAR) or resnet50 (default: resnet9).",
	"recipe_set":          "Change a field of the recipe, such as train.epochs=3; may be given again.",
	"benchfigure_results": "What bench/run.sh measured (default: bench/results.json).",
	"check_check": "A .npz with the arrays views and features that the program that made the weights " +
		"computed; other features here are an error. A second one is of g.",
	"check_tolerance": "Largest difference of --check, as a share of the features' root mean square (default: " +
		"0.0001).",
	"encoder_data": "Its images: a data set of 'locimem data list', or a folder with one of images for each " +
		"class.",
	"encoder_encoder": "Architecture of the encoder, such as resnet9 (default: what the file says, if it was " +
		"written here).",
	"encoder_pool": "What its head does with the last map: max or avg (default: that of the architecture).",
	"encoder_stem": "How a ResNet begins: cifar or imagenet (default: by the size of the images).",
	"foreign_activations": "Score activations instead of encoders: two .npz files follow, of f and of g " +
		"(docs/score-your-own.md).",
	"foreign_distance": "Distances between views: unit-l2, l2 (raw), l1, cosine, angular; the first is shown " +
		"(default: unit-l2).",
	"foreign_nchw": "Maps in .npz files have their channels before height and width (default: not, and maps that look " +
		"so are refused).",
	"foreign_points": "Images scored of each set, from its beginning, 0: all; default: all, but of the shared " +
		"ones as many as there are candidates.",
	"foreign_views": "Augmented views of each image (default: 10), or a .npz with views that another program " +
		"made.",
	"fromrun_set": "Change a field of the recipe, such as score.views=20 or knn.k=5; may be given again.",
	"label_batch": "Of --solver sgd: images of a step (default: 256); of --finetune (default: 128).",
	"label_layers": "Of --finetune: the layers that are trained, the others being frozen; none for the " +
		"classifier alone (default: all).",
	"label_lr": "Highest learning rate. Of --solver sgd: default 0.01; of --finetune: default 0.001 for " +
		"every 256 images of a batch.",
	"label_solver": "Of --linear: lbfgs (full batches, to the minimum; the default) or sgd (with momentum).",
	"label_tap": "Of --linear: the layer whose features are taken, see locimem taps (default: the " +
		"encoder's output).",
	"label_weightdecay": "Of --linear: L2 of the classifier's weights (default: 0.0001); of --finetune: decoupled, " +
		"of all weights (default: 0.05).",
	"name_ignore": "Tensors of the file to leave out, such as mlp_head.*; may be given again.",
	"name_prefix": "What stands before the encoder's names in a file that holds several, such as " +
		"teacher.backbone (found where there is one; . for none).",
	"name_rename": "Replace what the regular expression FROM matches in the file's names, such as " +
		"'^stage([1-4])=layer$$1'; may be given again.",
	"on_on": "Probe on other data than the encoder was trained on: synthetic, cifar10, mnist, ... (see " +
		"locimem data list); images are brought to the encoder's shape.",
	"probe_encoder": "Encoder, a safetensors file: of a run, or with --run or --recipe; default: the one of " +
		"the run that --which names.",
	"probe_finetune": "Train the whole encoder with a classifier on top by labels: no linear probe, and no " +
		"measure of what the encoder knew.",
	"probe_linear": "Train a linear classifier on frozen features instead of asking the nearest neighbours.",
	"probe_which": "Whose training images the neighbours are, or the classifier is trained on: f or g " +
		"(default: f).",
	"recipe_recipe": "Recipe file; without one, the recipe that needs no files (recipes/default.yaml).",
	"score_split": "Which image is in which set: split.json of a run, or paper: the ranges of the paper's " +
		"code for CIFAR-10. Default: that of the run, else drawn by the recipe.",
	"set_candidate": "Images that f was trained on and g was not: indices such as 40000-44999,7 or a file of " +
		"them (text, .npy, .npz).",
	"taps_set": "Change a field of the recipe, such as encoder.stem=imagenet; may be given again.",
	"taps_source": "Recipe file, or the name of an encoder; without one, the recipe that needs no files " +
		"(recipes/default.yaml).",
	"units_absolute": "Take |activation|, so that units with negative activations can be ranked (default: of " +
		"vision transformers).",
	"units_images": "Images to show for each unit, those it answers most to (default: 8).",
	"units_set": "Change a field of the recipe, such as augment.gray=0 or score.rest=median; may be given " +
		"again.",
	"train_which": "Which encoder: f (trains on the candidates) or g (on the independents).",
}
