package recipe

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/recipes"
)

// A setting that the method does not have is refused, unless it was said for a method that
// was named before, or is a default, as in a copy of recipes/default.yaml.
func TestSettingsOfOtherMethods(t *testing.T) {
	const byol = "method: {name: byol}"
	for _, c := range []struct {
		file string
		sets []string
		want string // "": it is read
	}{
		{byol, []string{"method.temperature=0.3"}, "--set method.temperature=0.3: method.temperature: found a setting of " +
			"dino, mocov2, mocov3, simclr, expected one of byol: ema, ema_schedule, predictor, projector"},
		{"method: {name: byol, queue: 9}", nil, "test.yaml:1: method.queue: found a setting of mocov2"},
		{"method: {queue: 9}", nil, "test.yaml:1: method.queue: found a setting of mocov2, expected one of simclr"},
		{"", []string{"method.queue=9", "method.name=byol"}, "method.queue: found a setting of mocov2"},
		{"method: {name: mocov2, queue: 100}", []string{"method.name=byol"}, ""},
		{"method: {queue: 9}", []string{"method.name=byol"}, ""},
		{"", []string{"method.name=mocov2", "method.queue=100", "method.name=byol"}, ""},
		{string(recipes.Default), []string{"method.name=byol"}, ""},
		{strings.Replace(string(recipes.Default), "name: simclr", "name: vicreg", 1), nil, ""},
		{strings.Replace(string(recipes.Default), "queue: 400", "queue: 401", 1), nil, "method.queue: found a setting of mocov2"},
	} {
		_, err := Read("test.yaml", []byte(c.file), c.sets)
		if c.want == "" {
			require.NoError(t, err, "%s %v", c.file, c.sets)
		} else {
			assert.ErrorContains(t, err, c.want)
		}
	}
}
