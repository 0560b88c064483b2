//go:build !amd64 && !arm64

package kernel

func archImpls() []*Impl { return nil }
