package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func readCloser(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

func TestTwoHundredOrdersForAHundredPiecesLockExactlyAHundred(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"HOT": 100})
	var mu sync.Mutex
	statuses := map[int]int{}
	together(200, func(i int) {
		a := s.Do(t, "POST", "/v1/reservations", map[string]any{"order_id": fmt.Sprint("o", i), "lines": lines("HOT", 1)}, s.staff)
		mu.Lock()
		defer mu.Unlock()
		statuses[a.Status]++
	})
	require.Equal(t, map[int]int{201: 100, 409: 100}, statuses)
	require.EqualValues(t, 0, s.stock("HOT").Available)
	s.sound()
}

func TestOrdersDeliveredThriceInAnyOrderGetOneReplyEach(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"HOT": 100})
	var mu sync.Mutex
	replies := map[string][]event.Event{}
	deliveries := rand.Perm(600)
	together(len(deliveries), func(i int) {
		id := fmt.Sprint("o", deliveries[i]%200)
		reply := s.event(event.OrderPlaced, "placed-"+id, id, map[string]any{"lines": lines("HOT", 1)})
		mu.Lock()
		defer mu.Unlock()
		replies[id] = append(replies[id], reply)
	})
	types := map[string]int{}
	for id, got := range replies {
		require.Len(t, got, 3, id)
		for _, again := range got[1:] {
			requireSame(t, got[0], again)
		}
		types[got[0].Type]++
	}
	require.Equal(t, map[string]int{event.InventoryLocked: 100, event.InventoryRejected: 100}, types)
	s.sound()
}

func TestInstancesBesideEachOtherShareOneStock(t *testing.T) {
	t.Parallel()
	one := stocked(t, map[string]int{"A": 60, "B": 60})
	two := open(t, servicetest.On(one.DB))
	two.staff = two.Bearer(t, "inventory:lock")
	var locked atomic.Int64
	together(150, func(i int) {
		first, second := "A", "B"
		if i%2 == 0 {
			first, second = second, first
		}
		id := fmt.Sprint("o", i/2*2) // both instances are asked for every other order
		reply := []*shop{one, two}[i%2].event(event.OrderPlaced, "placed "+id, id, map[string]any{"lines": lines(first, 1, second, 1)})
		if reply.Type == event.InventoryLocked {
			locked.Add(1)
		}
	})
	require.EqualValues(t, 2*60, locked.Load())
	require.EqualValues(t, 0, one.stock("A").Available)
	one.sound()
}

// requireSame compares what a redelivery must repeat.
func requireSame(t testing.TB, want, got event.Event) {
	t.Helper()
	require.Equal(t, want.ID, got.ID)
	require.Equal(t, want.Type, got.Type)
	require.Equal(t, want.Time, got.Time)
	require.Equal(t, want.Sequence, got.Sequence)
	require.Equal(t, string(want.Data), string(got.Data))
}

func together(n int, do func(int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}
