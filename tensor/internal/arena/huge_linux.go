package arena

import "golang.org/x/sys/unix"

// adviseHuge asks for huge pages: sweeps over 64 MiB then miss the TLB rarely.
// It is advice, so a refusal does not matter.
func adviseHuge(m []byte) { _ = unix.Madvise(m, unix.MADV_HUGEPAGE) }
