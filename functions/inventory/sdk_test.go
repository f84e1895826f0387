package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

func TestTheJavaScriptSDKPlacesAnOrderAndReadsTheReply(t *testing.T) {
	t.Parallel()
	client := os.Getenv("CLOUDEVENTS_CLIENT")
	if client == "" {
		t.Skip("make check-asyncapi runs it, where Node is")
	}
	s := stocked(t, map[string]int{"ICE-1": 10})
	c := exec.CommandContext(t.Context(), "node", client, "order", s.URL)
	var trouble strings.Builder
	c.Stderr = &trouble
	out, err := c.Output()
	require.NoError(t, err, "%s", trouble.String())
	var replies []event.Event
	require.NoError(t, json.Unmarshal(out, &replies))
	require.Len(t, replies, 1)
	reply := replies[0]
	require.Equal(t, event.InventoryLocked, reply.Type)
	require.Equal(t, event.ReplyID("o-1", "placed"), reply.ID)
	require.Equal(t, "o-1", reply.Subject)
	require.NotZero(t, reply.Sequence)
	require.NoError(t, event.NewSchemas().Check(reply))
	require.EqualValues(t, 2, dataOf(t, reply).Lines[0].Locked)
	require.EqualValues(t, 8, s.stock("ICE-1").Available)
}
