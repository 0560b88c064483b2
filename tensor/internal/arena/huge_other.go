//go:build unix && !linux

package arena

// adviseHuge does nothing: the system chooses its page sizes.
func adviseHuge([]byte) {}
