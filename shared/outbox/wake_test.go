package outbox_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

func TestAStormOfCommitsWakesTheRelayOneAtATimeAndNeverWaits(t *testing.T) {
	t.Parallel()
	var under, most, total atomic.Int32
	release := make(chan struct{})
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		e, err := event.FromRequest(r)
		if err == nil && e.Type == event.OutboxReady && event.NewSchemas().Check(e) == nil {
			total.Add(1)
		}
		<-release
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(broker.Close)
	waker, err := outbox.OpenWaker(event.SenderOptions{Sink: broker.URL}, event.FromCatalog, zap.NewNop())
	require.NoError(t, err)
	begun := time.Now()
	for range 10_000 {
		waker.Wake()
	}
	require.Less(t, time.Since(begun), time.Second)
	require.Eventually(t, func() bool { return total.Load() == 1 }, 5*time.Second, time.Millisecond)
	waker.Wake() // after the first left: must not get lost
	close(release)
	waker.Close(context.Background())
	require.Equal(t, int32(2), total.Load())
	require.Equal(t, int32(1), most.Load())
}

func TestAWakerWithoutABrokerDoesNothing(t *testing.T) {
	t.Parallel()
	waker, err := outbox.OpenWaker(event.SenderOptions{}, event.FromCatalog, zap.NewNop())
	require.NoError(t, err)
	waker.Wake()
	waker.Close(context.Background())
	var none *outbox.Waker
	none.Wake()
	none.Close(context.Background())
}

func TestClosingWaitsNoLongerThanAllowed(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	broker := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(broker.Close)
	t.Cleanup(func() { close(hang) })
	waker, err := outbox.OpenWaker(event.SenderOptions{Sink: broker.URL}, event.FromCatalog, zap.NewNop())
	require.NoError(t, err)
	waker.Wake()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	waker.Close(ctx)
	require.Less(t, time.Since(begun), 2*time.Second)
}
