package process_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/process"
)

// program writes a script and starts it with nothing but PATH and one variable.
func program(t *testing.T, script string) *process.Process {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "program")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o700))
	p, err := process.Start("it", file, []string{"PATH=" + os.Getenv("PATH"), "GIVEN=yes"}, filepath.Join(dir, "log", "it.log"))
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop(0) })
	return p
}

func wait(t *testing.T, p *process.Process) {
	t.Helper()
	select {
	case <-p.Exited():
	case <-time.After(10 * time.Second):
		require.Fail(t, "it goes on")
	}
}

func TestAProgramThatDiesIsToldWithItsLastLines(t *testing.T) {
	t.Parallel()
	p := program(t, `i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "line $i $GIVEN"; done; echo "PORT takes a port" >&2; exit 3`)
	wait(t, p)
	require.Contains(t, p.Obituary(), "it died (exit status 3)")
	require.Contains(t, p.Obituary(), "line 30 yes\n  PORT takes a port")
	require.NotContains(t, p.Obituary(), "line 5 ")
}

func TestStopAsksFirst(t *testing.T) {
	t.Parallel()
	p := program(t, `trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.02; done`)
	require.Eventually(t, func() bool { return log(t, p) == "ready\n" }, 10*time.Second, 10*time.Millisecond)
	p.Stop(10 * time.Second)
	require.Equal(t, "ready\nasked\n", log(t, p))
}

func TestStopEndsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	p := program(t, `trap '' TERM; echo ready; while :; do sleep 0.02; done`)
	require.Eventually(t, func() bool { return log(t, p) == "ready\n" }, 10*time.Second, 10*time.Millisecond)
	p.Stop(50 * time.Millisecond)
	wait(t, p)
}

func log(t *testing.T, p *process.Process) string {
	t.Helper()
	text, err := os.ReadFile(p.Log)
	require.NoError(t, err)
	return string(text)
}
