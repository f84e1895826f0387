package pgserver

import (
	"fmt"
	"os"
	"strings"
)

const (
	leastBuffers = 256 // MB
	mostBuffers  = 4096
)

// sharedBuffers is what a server keeps tables in: a quarter of the memory when
// it is large, which is what RDS gives it, within bounds that fit any machine.
func sharedBuffers(large bool) string {
	size := leastBuffers
	if text, err := os.ReadFile("/proc/meminfo"); large && err == nil {
		size = quarterOf(string(text))
	}
	return fmt.Sprintf("%dMB", size)
}

// quarterOf reads the machine's memory as Linux tells it.
func quarterOf(meminfo string) int {
	for line := range strings.Lines(meminfo) {
		var kilobytes int
		if n, _ := fmt.Sscanf(line, "MemTotal: %d kB", &kilobytes); n == 1 {
			return min(max(kilobytes/1024/4, leastBuffers), mostBuffers)
		}
	}
	return leastBuffers
}
