package noted_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/noted"
)

func TestAnotherTerminalFindsTheStack(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PORT_FRONT", "")
	t.Setenv("PORT_SINKS", "7000")
	require.Empty(t, noted.Getenv(dir)("PORT_FRONT"))
	require.NoError(t, noted.Keep(dir, map[string]int{"PORT_FRONT": 18080, "PORT_SINKS": 18091}))
	require.Equal(t, "18080", noted.Getenv(dir)("PORT_FRONT"))
	require.Equal(t, "7000", noted.Getenv(dir)("PORT_SINKS"), "what is said now wins")
	require.NoError(t, noted.Forget(dir))
	require.NoError(t, noted.Forget(dir))
	require.Empty(t, noted.Getenv(dir)("PORT_FRONT"))
}
