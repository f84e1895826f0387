package main

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// twoPlaces opens a shop with the quantity of A at near, and none at far.
func twoPlaces(t *testing.T, onHand int) *shop {
	t.Helper()
	s := open(t)
	s.location("near", 1)
	s.location("far", 2)
	s.count("near", map[string]int{"A": onHand})
	return s
}

func (s *shop) transfer(once string, want int, from, to string, quantity int) {
	s.t.Helper()
	s.call("POST", "/v1/stock/A/transfers", members{"from": from, "to": to, "quantity": quantity, "reason": "full"}, want, key(once))
}

// at is on hand, reserved and shortfall of A by location.
func (s *shop) at() map[string][3]int64 {
	s.t.Helper()
	all := map[string][3]int64{}
	for _, l := range s.stock("A").Locations {
		all[l.Location] = [3]int64{l.OnHand, l.Reserved, l.Shortfall}
	}
	return all
}

func TestATransferMovesOnceAndKeepsTheSum(t *testing.T) {
	t.Parallel()
	s := twoPlaces(t, 6)
	body := members{"from": "near", "to": "far", "quantity": 4, "reference": "T-1"}
	s.call("POST", "/v1/stock/A/transfers", body, 428)
	first := s.call("POST", "/v1/stock/A/transfers", body, 200, key("k"))
	again := s.call("POST", "/v1/stock/A/transfers", body, 200, key("k"))
	require.Equal(t, string(first.Body), string(again.Body))
	require.Equal(t, map[string][3]int64{"near": {2, 0, 0}, "far": {4, 0, 0}}, s.at())
	require.Empty(t, s.announced(), "there is no less of it")
	var ledger movementList
	s.call("GET", "/v1/stock/A/movements?limit=2", nil, 200).JSON(t, &ledger)
	in, out := ledger.Items[0], ledger.Items[1]
	require.Equal(t, []any{"transfer_in", "far", int64(4), int64(4), "T-1"}, []any{in.Kind, in.Location, in.OnHandDelta, in.OnHandAfter, in.Reference})
	require.Equal(t, []any{"transfer_out", "near", int64(-4), int64(2), "tester"}, []any{out.Kind, out.Location, out.OnHandDelta, out.OnHandAfter, out.Actor})

	s.transfer("1", 409, "near", "far", 3)
	s.transfer("2", 422, "near", "near", 1)
	s.transfer("3", 422, "near", "nowhere", 1)
	s.transfer("4", 422, "near", "far", 0)
	s.call("POST", "/v1/stock/NONE/transfers", body, 404, key("5"))
	s.call("GET", "/v1/stock/NONE", nil, 404)
	s.location("empty", 3)
	s.transfer("6", 409, "empty", "far", 1)
	s.call("POST", "/v1/stock/A/transfers", body, 403, key("7"), s.Bearer(t, "inventory:lock"))
	require.Len(t, s.stock("A").Locations, 2)
	s.sound()
}

func TestAReservedPieceIsNotTransferred(t *testing.T) {
	t.Parallel()
	s := twoPlaces(t, 6)
	s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 10})
	s.place("o", 201, "A", 4)
	s.transfer("1", 409, "near", "far", 3)
	s.transfer("2", 200, "near", "far", 2)
	require.Equal(t, map[string][3]int64{"near": {4, 4, 0}, "far": {2, 0, 0}}, s.at())
	s.sound()
}

func TestConcurrentTransfersAndLocksNeverTakeTheSamePiece(t *testing.T) {
	t.Parallel()
	s := twoPlaces(t, 40)
	var moved atomic.Int64
	together(60, func(i int) {
		if i%3 == 0 {
			s.Do(t, "POST", "/v1/reservations", members{"order_id": fmt.Sprint("o", i), "lines": lines("A", 1)}, s.staff)
			return
		}
		from, to := "near", "far"
		if i%3 == 1 {
			from, to = to, from
		}
		a := s.Do(t, "POST", "/v1/stock/A/transfers", members{"from": from, "to": to, "quantity": 2}, s.staff, key(fmt.Sprint("t", i)))
		require.Contains(t, []int{200, 409}, a.Status, "%s", a.Body)
		if a.Status == 200 {
			moved.Add(1)
		}
	})
	require.Positive(t, moved.Load())
	doc := s.stock("A")
	require.Equal(t, []int64{40, 20, 0}, []int64{doc.OnHand, doc.Reserved, doc.Shortfall})
	s.sound()
}

func TestATransferFillsAShortfall(t *testing.T) {
	t.Parallel()
	s := twoPlaces(t, 5)
	s.place("o", 201, "A", 5)
	s.count("far", map[string]int{"A": 4})
	s.count("near", map[string]int{"A": 2})
	require.Equal(t, map[string][3]int64{"near": {2, 5, 3}, "far": {4, 0, 0}}, s.at())
	s.transfer("1", 200, "far", "near", 2)
	require.Equal(t, map[string][3]int64{"near": {4, 5, 1}, "far": {2, 0, 0}}, s.at())
	s.transfer("2", 409, "near", "far", 1)
	s.transfer("3", 200, "far", "near", 2)
	require.Equal(t, map[string][3]int64{"near": {6, 5, 0}, "far": {0, 0, 0}}, s.at())
	s.sound()
}
