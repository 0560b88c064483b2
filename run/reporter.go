package run

// Reporter is told how an experiment goes. Its methods may be called from
// several goroutines.
type Reporter interface {
	// Printf shows one line.
	Printf(format string, args ...any)
	// Bar starts showing work of total units, of which done are done already.
	Bar(name, unit string, total, done int) Bar
}

// Bar shows one piece of work.
type Bar interface {
	// Set says how many units are done.
	Set(done int)
	// Note replaces the text beside the bar.
	Note(format string, args ...any)
	// Finish ends the work with a line that stays.
	Finish(format string, args ...any)
}

// Silent is a Reporter that shows nothing.
type Silent struct{}

// Printf implements Reporter.
func (Silent) Printf(string, ...any) {}

// Bar implements Reporter.
func (Silent) Bar(string, string, int, int) Bar { return silentBar{} }

type silentBar struct{}

func (silentBar) Set(int)               {}
func (silentBar) Note(string, ...any)   {}
func (silentBar) Finish(string, ...any) {}
