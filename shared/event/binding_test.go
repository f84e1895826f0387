package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/event/conformance"
	"github.com/mallhive/product-service/shared/fault"
)

// The MUSTs of the HTTP binding and of the JSON format, one by one; the handlers
// of the functions are held to the same table.
func TestTheReceiverHoldsToEachMustOfCloudEvents(t *testing.T) {
	t.Parallel()
	sample := event.Event{
		ID: "e-1", Source: "/order-service", Type: "com.example.t", Subject: "o-1", Data: []byte(`{"a":[1]}`),
	}
	for _, c := range conformance.Cases(sample) {
		t.Run(c.Name(), func(t *testing.T) {
			t.Parallel()
			got, err := event.FromRequest(c.Request(t.Context(), "http://localhost/"))
			if c.Want == nil {
				require.True(t, fault.Is(err, fault.Malformed), "%v %+v", err, got)
				require.NotEmpty(t, fault.As(err).Detail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, *c.Want, got)
		})
	}
}
