//go:build !amd64

package kernel

func archBF16() []*BF16 { return nil }
