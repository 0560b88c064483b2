// Package memorize measures how much of single training points an encoder
// trained without labels has memorized, and in which layers and units. The
// definitions are those of "Localizing Memorization in SSL Vision Encoders"
// (arXiv 2409.19069, NeurIPS 2024), called "the paper" here; equation numbers
// are its own.
//
// # What is compared
//
// Two encoders of one architecture are trained alike, but for their points:
//
//	shared       trained f and g
//	candidate    trained f only: the points whose memorization is measured
//	independent  trained g only
//	external     trained neither
//
// The alignment SSL_f(x) of a point is the mean distance, in one layer, between
// the activations of two augmented views of x. Memorizing x makes it small. So
// SSL_g(x) - SSL_f(x) is large where f has memorized x and g, which never saw
// it, has not: that is SSLMem. LayerMem is its mean over points, for each layer.
// UnitMem asks of a single unit how far its most activating point stands out
// from the others.
//
// # What to trust
//
// LayerMem of one pair of encoders holds a bias of the pair: f and g differ in
// a layer for reasons that have nothing to do with any point, and the same
// difference then shows on all four sets. The controlled score, half of
// (candidate - independent), removes it, because exchanging f and g exchanges
// the two sets. It stands in a set of rows of its own.
//
// # How to use it
//
// Score does one pass over images with two encoders. An Accumulator takes
// activations, from wherever they come, and knows nothing of encoders. Both end
// in Scores, which WriteFiles puts on disk.
package memorize
