// Package perturb changes trained encoders and watches what follows, as the
// studies of "Localizing Memorization in SSL Vision Encoders" (arXiv 2409.19069)
// do: layers replaced by those of another encoder (Tables 21 to 24, 30, 32, 33),
// units pruned (Table 6), norms compared (Table 25), units followed while training
// goes on (Tables 13 and 14). Fine-tuning of chosen layers (Table 5) is
// ssl.FineTune.
//
// Encoders that are given stay as they are; what is returned is a copy. Layers are
// named as nn.LayerNames names them.
package perturb
