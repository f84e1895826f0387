//go:build unix

package postgres

import (
	"errors"
	"syscall"
)

// readable says whether a read would return at once: with data, or with the
// peer's end. It takes nothing away.
func readable(fd uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return !errors.Is(err, syscall.EAGAIN)
}
