// Package external scores encoders and activations that another program made. Files
// of arrays hold the activations of f and g, or the views that both encoders are
// shown; docs/score-your-own.md describes them.
package external
