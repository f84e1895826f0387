package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The example that a newcomer follows must fit the code as it is.
func TestTheExampleOfContributingApplies(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../CONTRIBUTING.md")
	require.NoError(t, err)
	var patch strings.Builder
	for _, block := range regexp.MustCompile("(?ms)^```diff\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		patch.WriteString(block[1])
	}
	require.NotEmpty(t, patch.String())
	c := exec.Command("git", "apply", "--check", "--verbose", "-")
	c.Dir, c.Stdin = "..", strings.NewReader(patch.String())
	output, err := c.CombinedOutput()
	require.NoError(t, err, "%s", output)
}
