package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/locimem/locimem/run"
)

// onFlags name other data to probe on.
type onFlags struct {
	On        string  `placeholder:"NAME" help:"${on_on}"`
	OnDir     string  `placeholder:"DIR" help:"Folder with the files of --on."`
	OnVariant string  `placeholder:"NAME" help:"Variant of --on, where it has any."`
	OnSeed    *uint64 `placeholder:"N" help:"Seed of --on synthetic (default: the recipe's)."`
	OnTrain   int     `placeholder:"N" help:"So many training images of --on, drawn at random (default: all)."`
	OnTest    int     `placeholder:"N" help:"So many test images of --on, drawn at random (default: all)."`
}

// check refuses flags that would have no effect.
func (f *onFlags) check() error {
	switch {
	case f.On == "" && *f != (onFlags{}):
		return usageError{errors.New("--on-dir, --on-variant, --on-seed, --on-train and --on-test are for --on, which " +
			"is not given")}
	case f.OnSeed != nil && f.On != "synthetic":
		return usageError{fmt.Errorf("--on-seed is for --on synthetic, found %s", f.On)}
	case f.OnVariant != "" && f.On == "synthetic":
		return usageError{fmt.Errorf("--on-variant: found %s, but synthetic has no variants", f.OnVariant)}
	case f.OnDir != "" && f.On == "synthetic":
		return usageError{errors.New("--on-dir: found a folder, but synthetic has no files")}
	case f.OnTrain < 0 || f.OnTest < 0:
		return usageError{fmt.Errorf("--on-train and --on-test: found %d and %d, expected at least 1", f.OnTrain, f.OnTest)}
	}
	return nil
}

// target returns the other data, nil if there are none.
func (f *onFlags) target(seed uint64) *run.On {
	if f.On == "" {
		return nil
	}
	return &run.On{Name: f.On, Dir: f.OnDir, Variant: f.OnVariant, Seed: given(f.OnSeed, seed), Train: f.OnTrain,
		Test: f.OnTest}
}

// whose says whose training images a probe has had.
func (c *probeCmd) whose(trainedOn string) string {
	if c.On == "" {
		return c.Which.String()
	}
	return fmt.Sprintf("%s (the encoder was trained on %s)", c.On, trainedOn)
}

// layers returns what --layers names, nil if it is not given.
func (f *labelFlags) layers() []string {
	switch {
	case f.Layers == nil:
		return nil
	case *f.Layers == "none":
		return []string{}
	}
	return strings.Split(*f.Layers, ",")
}
