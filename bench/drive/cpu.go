package drive

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux counts CPU time for /proc.
const tick = 10 * time.Millisecond

// OwnCPU is the CPU time that this process has used.
func OwnCPU() time.Duration { return CPUOf(os.Getpid()) }

// CPUOf is the CPU time that a process has used; 0 where /proc does not tell.
func CPUOf(pid int) time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(text, []byte(") "))
	return ticks(strings.Fields(string(after)), 11, 12)
}

// FamilyCPU is the CPU time of a process, its children and those it had: a
// PostgreSQL server is the family of its postmaster.
func FamilyCPU(pid int) time.Duration {
	var sum time.Duration
	parent := strconv.Itoa(pid)
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		text, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			continue // it has just ended, and is in its parent's count
		}
		_, after, _ := bytes.Cut(text, []byte(") "))
		fields := strings.Fields(string(after))
		switch {
		case filepath.Base(filepath.Dir(name)) == parent:
			sum += ticks(fields, 11, 12, 13, 14)
		case len(fields) > 1 && fields[1] == parent:
			sum += ticks(fields, 11, 12)
		}
	}
	return sum
}

// MachineCPU is the CPU time that the machine has not been idle.
func MachineCPU() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	return ticks(strings.Fields(string(first)), 1, 2, 3, 6, 7)
}

func ticks(fields []string, which ...int) time.Duration {
	var sum time.Duration
	for _, i := range which {
		if i < len(fields) {
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			sum += time.Duration(n) * tick
		}
	}
	return sum
}
