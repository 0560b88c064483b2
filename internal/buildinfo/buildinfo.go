// Package buildinfo says what a program was built from and where it runs.
package buildinfo

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"
)

// Version returns the version or commit that the program was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			commit = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if commit == "" {
		return "development version"
	}
	return "commit " + commit + dirty
}

// Here is a process, as far as results may depend on it.
type Here struct {
	Time    string `json:"time"`    // RFC 3339
	Version string `json:"version"` // of locimem
	Go      string `json:"go"`      // version of Go
	System  string `json:"system"`  // operating system and architecture
	CPU     string `json:"cpu"`     // brand of the processor
	Cores   int    `json:"cores"`   // logical cores
	Command string `json:"command"` // line, as it can be typed into a shell
}

// Now describes this process.
func Now() Here {
	return Here{Time: time.Now().UTC().Format(time.RFC3339), Version: Version(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpuid.CPU.BrandName, Cores: runtime.NumCPU(), Command: Quoted(os.Args)}
}

// Quoted returns arguments as they can be typed into a shell.
func Quoted(args []string) string {
	out := make([]string, len(args))
	for i, s := range args {
		out[i] = s
		if s == "" || strings.ContainsAny(s, " \t\n'\"\\$`!*?[]{}()<>|&;~#") {
			out[i] = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
