//go:build !unix

package postgres

func readable(uintptr) bool { return false }
