// Command locimem finds where self-supervised encoders memorize: it trains pairs
// of them, scores their layers and units, and keeps the results in run
// directories.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/internal/settings"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong flags, a wrong recipe
)

// cli is the command line.
type cli struct {
	Run     runCmd     `cmd:"" help:"Train f and g, score them, draw the figures: the main job."`
	Train   trainCmd   `cmd:"" help:"Train one of the two encoders of a run."`
	Score   scoreCmd   `cmd:"" help:"Score two trained encoders."`
	Report  reportCmd  `cmd:"" help:"Write the report of a run again, without training or scoring."`
	Study   studyCmd   `cmd:"" help:"Carry out experiments of the paper and of ours, with verdicts."`
	Step    stepCmd    `cmd:"" help:"Do one step of a study alone."`
	Units   unitsCmd   `cmd:"" help:"Rank the units of one encoder, with the images that own them."`
	Probe   probeCmd   `cmd:"" help:"Test an encoder: nearest neighbours, a linear classifier, or fine-tuning."`
	Taps    tapsCmd    `cmd:"" help:"List the layers that can be scored."`
	Data    dataCmd    `cmd:"" help:"Look at the data."`
	Bench   benchCmd   `cmd:"" help:"Time matrix products and training steps on this machine."`
	Version versionCmd `cmd:"" help:"Show version, processor and instruction sets."`
}

// app is what the commands work with.
type app struct {
	ctx    context.Context
	stdout io.Writer
	ui     *progress.UI // on standard error
	tty    bool         // standard output is a terminal
	args   []string
	given  []string // names of the flags in args
}

// takes refuses flags that are given and have no effect on a way of doing the command.
func (a *app) takes(way string, flags ...string) error {
	for _, name := range a.given {
		if !slices.Contains(flags, name) {
			return usageError{fmt.Errorf("--%s: found it next to %s, where it has no effect, expected only --%s", name, way,
				strings.Join(flags, ", --"))}
		}
	}
	return nil
}

// has tells whether a flag is given.
func (a *app) has(flag string) bool { return slices.Contains(a.given, flag) }

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is an error that the one who typed the command can mend.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// execute carries out a command line and returns the exit code. Results go to
// stdout, everything else to stderr.
func execute(args []string, stdout, stderr io.Writer) int {
	exited, code := false, exitDone
	parser, err := kong.New(grammar(args), kong.Name("locimem"), kong.UsageOnError(), helpTexts,
		kong.Description("Find where self-supervised encoders memorize."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { exited, code = true, status }))
	if err != nil {
		panic(err) // the struct above is wrong
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited { // by --help
		return code
	}
	if err != nil {
		fmt.Fprintf(stderr, "locimem: %v\nlocimem --help says more.\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{ctx: ctx, stdout: stdout, ui: progress.NewWriter(stderr, isTerminal(stderr)), tty: isTerminal(stdout),
		args: args}
	for _, p := range command.Path {
		if p.Flag != nil {
			a.given = append(a.given, p.Flag.Name)
		}
	}
	finished := make(chan struct{})
	defer close(finished)
	go a.watch(stop, finished)
	err = command.Run(a)
	a.ui.Close()
	return a.end(err)
}

// grammar returns a pointer to cli, or to a struct of only that field of it whose command
// args name: kong reads every tag of what it is given, which takes 25 ms for all of cli.
func grammar(args []string) any {
	all := reflect.TypeFor[cli]()
	if len(args) > 0 {
		for i := range all.NumField() {
			if f := all.Field(i); strings.ToLower(f.Name) == args[0] {
				return reflect.New(reflect.StructOf([]reflect.StructField{f})).Interface()
			}
		}
	}
	return &cli{}
}

// watch says what happens after a first ctrl-C, and gives the second one back
// its usual effect.
func (a *app) watch(stop func(), finished <-chan struct{}) {
	select {
	case <-finished:
	case <-a.ctx.Done():
		stop()
		a.ui.Printf("stopping at the end of this step; ctrl-C once more ends at once")
	}
}

// end reports an error, if there is one, and returns the exit code.
func (a *app) end(err error) int {
	var wrong settings.Problems
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case a.ctx.Err() != nil && errors.Is(err, context.Canceled):
		a.ui.Printf("locimem: %s\nThe same command goes on from here:\n\n    locimem %s\n",
			strings.ReplaceAll(err.Error(), "context canceled", "interrupted"), buildinfo.Quoted(a.args))
		return exitFailed
	case errors.As(err, &wrong), errors.As(err, &usage):
		a.ui.Printf("locimem: %v", err)
		return exitUsage
	}
	a.ui.Printf("locimem: %v", err)
	return exitFailed
}
