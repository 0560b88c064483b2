package page

import (
	"fmt"

	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/tensor"
)

// Machine says for a report what this process is: its command, the program with its
// version, the machine, and the kernels that the machine gets.
func Machine() []report.Fact {
	here := buildinfo.Now()
	out := processFacts(&here)
	if e, err := tensor.NewEngine(tensor.Options{Threads: 1}); err == nil { // else nothing can be computed here
		out = append(out, report.Fact{Name: "Instruction set", Value: e.ISA()})
		e.Close()
	}
	return out
}

// processFacts says what a process is.
func processFacts(h *buildinfo.Here) []report.Fact {
	return []report.Fact{
		{Name: "Command", Value: h.Command},
		{Name: "Program", Value: fmt.Sprintf("locimem %s, %s, %s", h.Version, h.Go, h.System)},
		{Name: "Machine", Value: fmt.Sprintf("%s, %d cores", h.CPU, h.Cores)},
	}
}
