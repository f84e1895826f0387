package pgserver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALargeServerHasAQuarterOfTheMemoryWithinBounds(t *testing.T) {
	t.Parallel()
	require.Equal(t, "256MB", sharedBuffers(false))
	for meminfo, want := range map[string]int{
		"MemTotal:        8388608 kB\nMemFree: 1 kB\n": 2048, "MemTotal: 100000000 kB\n": 4096, "MemTotal: 500000 kB\n": 256, "": 256,
	} {
		require.Equal(t, want, quarterOf(meminfo), meminfo)
	}
}
