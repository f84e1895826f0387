package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

type members = map[string]any

func ifMatch(a servicetest.Answer) servicetest.Header {
	return servicetest.Header{Name: "If-Match", Value: a.Header.Get("ETag")}
}

var ifNew = servicetest.Header{Name: "If-None-Match", Value: "*"}

// policy replaces the policy of a SKU that is there already.
func (s *shop) policy(sku string, policy members) stockDoc {
	s.t.Helper()
	seen := s.call("GET", "/v1/stock/"+sku, nil, 200)
	var doc stockDoc
	s.call("PUT", "/v1/stock/"+sku, policy, 200, ifMatch(seen)).JSON(s.t, &doc)
	return doc
}

// sellable is the word that the catalog shows.
func (s *shop) sellable(sku string) string {
	s.t.Helper()
	var word string
	err := s.DB.Pool(s.t, "catalog").QueryRow(context.Background(), `select availability from inventory.sellability where sku = $1`, sku).Scan(&word)
	require.NoError(s.t, err)
	return word
}

func TestAPolicyIsReplacedByItsVersion(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	full := members{
		"track": true, "when_out_of_stock": "preorder", "backorder_limit": 7, "available_on": later,
		"safety_stock": 2, "low_stock_threshold": 0, "max_per_order": 4, "incoming": 20,
	}
	seen := s.call("GET", "/v1/stock/A", nil, 200)
	s.call("PUT", "/v1/stock/A", full, 428)
	s.call("PUT", "/v1/stock/A", full, 412, ifNew)
	first := s.call("PUT", "/v1/stock/A", full, 200, ifMatch(seen))
	s.call("PUT", "/v1/stock/A", full, 412, ifMatch(seen))
	var doc stockDoc
	first.JSON(t, &doc)
	limit, most := int64(7), int64(4)
	require.Equal(t, policyDoc{Track: true, WhenOutOfStock: "preorder", BackorderLimit: &limit, AvailableOn: &later, MaxPerOrder: &most}, doc.Policy)
	require.Equal(t, []int64{2, 20, 8}, []int64{doc.SafetyStock, doc.Incoming, doc.Available})
	require.Equal(t, doc, s.stock("A"))

	s.call("PUT", "/v1/stock/A", members{"track": false}, 200, ifMatch(first))
	doc = s.stock("A")
	require.Equal(t, policyDoc{WhenOutOfStock: "deny", LowStockThreshold: 5}, doc.Policy, "what is absent has its default")
	require.Equal(t, []int64{0, 0, 0}, []int64{doc.SafetyStock, doc.Incoming, doc.Locations[0].BackorderAllowance})

	s.call("PUT", "/v1/stock/NEW", members{}, 412, ifMatch(seen))
	s.call("GET", "/v1/stock/NEW", nil, 404)
	made := s.call("PUT", "/v1/stock/NEW", members{}, 201, ifNew)
	s.call("PUT", "/v1/stock/BARE", members{}, 201)
	s.call("PUT", "/v1/stock/NEW", members{"incoming": 1, "backorder_limit": nil, "available_on": nil, "max_per_order": nil}, 200, ifMatch(made))
	s.call("PUT", "/v1/stock/A", members{}, 403, s.Bearer(t, "inventory:lock"))
	s.sound()
}

func TestABackorderIsTakenUpToItsLimitAndNoFurther(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 3})
	s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 4})
	require.Equal(t, "low_stock", s.sellable("A"))
	s.place("o", 201, "A", 5)
	require.Equal(t, "backorder", s.sellable("A"))
	doc := s.place("p", 409, "A", 3)
	require.EqualValues(t, 2, doc.Lines[0].Available)
	s.place("q", 201, "A", 2)
	s.place("r", 409, "A", 1)
	require.Equal(t, "out_of_stock", s.sellable("A"))
	got := s.stock("A")
	require.Equal(t, []int64{3, 7, -4, 0}, []int64{got.OnHand, got.Reserved, got.Available, got.Shortfall})
	s.sound()

	s.policy("A", members{"when_out_of_stock": "backorder"})
	s.place("s", 201, "A", 1_000_000)
	require.Zero(t, s.stock("A").Shortfall, "without a limit nothing is lacking")
	s.sound()
}

func TestRealStockElsewhereGoesBeforeABackorder(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.location("near", 1)
	s.location("far", 2)
	s.count("near", map[string]int{"A": 1})
	s.count("far", map[string]int{"A": 3})
	s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 5})
	reserved := func() []int64 {
		doc := s.stock("A")
		require.Equal(t, []string{"near", "far"}, []string{doc.Locations[0].Location, doc.Locations[1].Location})
		return []int64{doc.Locations[0].Reserved, doc.Locations[1].Reserved}
	}
	s.place("o", 201, "A", 3)
	require.Equal(t, []int64{1, 2}, reserved())
	s.place("p", 201, "A", 3)
	require.Equal(t, []int64{3, 3}, reserved(), "one from what lies far, two to be waited for")
	require.Len(t, s.movements("p"), 2, "a level moves once for each step")
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	require.Equal(t, []int64{2, 1}, reserved())
	s.place("q", 409, "A", 4)
	s.place("r", 201, "A", 3)
	s.sound()
}

func TestAPreorderEndsOnItsDateWithoutAnybodyAwake(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 0})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1})
	s.policy("A", members{"when_out_of_stock": "preorder", "backorder_limit": 10, "available_on": time.Now().Add(time.Hour)})
	require.Equal(t, "preorder", s.sellable("A"))
	s.place("o", 201, "A", 2)
	require.True(t, s.available(members{"lines": lines("A", 1)}).Orderable)

	_, err := s.DB.Owner(t).Exec(context.Background(), `update inventory.stock set available_on = now() - interval '1 second' where sku = 'A'`)
	require.NoError(t, err)
	require.Equal(t, "out_of_stock", s.sellable("A"))
	require.False(t, s.available(members{"lines": lines("A", 1)}).Orderable)
	s.place("p", 409, "A", 1)
	require.EqualValues(t, 2, s.reservation("o").Lines[0].Locked, "what was taken stays taken")
	s.count("main", map[string]int{"A": 3})
	s.place("q", 409, "A", 2)
	s.place("r", 201, "A", 1)
	s.sound()
}

func TestALoweredLimitIsAShortfallAndLocksNothingMore(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1})
	s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 5})
	s.place("o", 201, "A", 5)
	doc := s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 1})
	require.Equal(t, []int64{3, 1}, []int64{doc.Shortfall, doc.Locations[0].BackorderAllowance})
	s.place("p", 409, "A", 1)
	s.sound()
	doc = s.policy("A", members{})
	require.Equal(t, []int64{4, 0}, []int64{doc.Shortfall, doc.Locations[0].BackorderAllowance})
	doc = s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 6})
	require.Equal(t, []int64{0, 6}, []int64{doc.Shortfall, doc.Locations[0].BackorderAllowance}, "a raised limit takes it in again")
	s.place("q", 201, "A", 2)
	s.place("r", 409, "A", 1)
	s.sound()
}

func TestALimitStaysWhereItIsUsed(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 0})
	s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 4})
	s.place("o", 201, "A", 3)
	s.location("first", 0)
	s.count("first", map[string]int{"A": 0})
	doc := s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 5})
	require.Equal(t, []int64{2, 3, 0}, []int64{doc.Locations[0].BackorderAllowance, doc.Locations[1].BackorderAllowance, doc.Shortfall})
	s.place("p", 409, "A", 3)
	s.place("q", 201, "A", 2)
	s.sound()
}

func TestASKUThatWasNeverCountedCanBePreordered(t *testing.T) {
	t.Parallel()
	s := open(t)
	preorder := members{"when_out_of_stock": "preorder", "backorder_limit": 2, "available_on": time.Now().Add(time.Hour)}
	refused := s.call("PUT", "/v1/stock/A", preorder, 409)
	require.Contains(t, string(refused.Body), `"no_location"`)
	s.call("GET", "/v1/stock/A", nil, 404)
	s.location("near", 1)
	s.location("far", 2)
	made := s.call("PUT", "/v1/stock/A", preorder, 201)
	s.place("o", 201, "A", 2)
	s.place("p", 409, "A", 1)
	require.Equal(t, []stockLocation{{Location: "near", Reserved: 2, BackorderAllowance: 2}}, s.stock("A").Locations)
	s.call("PUT", "/v1/stock/A/locations/near", members{"on_hand": 5}, 200, ifMatch(made))
	require.EqualValues(t, 3, s.stock("A").Available)

	bare := s.call("PUT", "/v1/stock/B", members{}, 201)
	require.Empty(t, s.stock("B").Locations)
	s.call("PUT", "/v1/stock/B", preorder, 200, ifMatch(bare))
	s.place("b", 201, "B", 1)
	s.sound()
}

func TestSafetyStockIsNotSold(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.location("near", 1)
	s.location("far", 2)
	s.count("near", map[string]int{"A": 0})
	s.count("far", map[string]int{"A": 5})
	s.policy("A", members{"safety_stock": 2})
	s.place("o", 409, "A", 4)
	s.place("p", 201, "A", 2)
	s.policy("A", members{"safety_stock": 2, "when_out_of_stock": "backorder", "backorder_limit": 3})
	s.place("q", 201, "A", 4)
	s.place("r", 409, "A", 1)
	for _, order := range []string{"p", "q"} {
		s.call("POST", "/v1/reservations/"+order+"/commit", nil, 200)
	}
	require.EqualValues(t, 2, s.stock("A").Locations[1].OnHand, "orders wait before it is touched")
	s.sound()
}

func TestAChangedThresholdIsAnnouncedWhenItIsCrossed(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.policy("A", members{"low_stock_threshold": 9})
	require.Empty(t, s.announced())
	s.policy("A", members{"low_stock_threshold": 10})
	s.policy("A", members{"low_stock_threshold": 10, "safety_stock": 10})
	s.policy("A", members{"low_stock_threshold": 0})
	require.Equal(t, []string{"low.v1 A", "depleted.v1 A", "replenished.v1 A"}, s.announced())
	s.call("PUT", "/v1/stock/NEW", members{"track": false}, 201)
	require.Len(t, s.announced(), 3, "what nobody knew crosses nothing")
}

func TestAPolicyThatContradictsItselfIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1})
	seen := s.call("GET", "/v1/stock/A", nil, 200)
	faults := func(policy members) map[string]string {
		t.Helper()
		var problem struct {
			Errors []struct{ Pointer, Code string }
		}
		require.NoError(t, json.Unmarshal(s.call("PUT", "/v1/stock/A", policy, 422, ifMatch(seen)).Body, &problem))
		found := map[string]string{}
		for _, f := range problem.Errors {
			found[f.Pointer] = f.Code
		}
		return found
	}
	date := time.Now().Add(time.Hour)
	require.Equal(t, map[string]string{"/backorder_limit": "contradiction", "/available_on": "contradiction"},
		faults(members{"when_out_of_stock": "deny", "backorder_limit": 1, "available_on": date}))
	require.Equal(t, map[string]string{"/available_on": "required"}, faults(members{"when_out_of_stock": "preorder", "backorder_limit": 1}))
	require.Equal(t, map[string]string{
		"/when_out_of_stock": "not_allowed", "/backorder_limit": "out_of_range", "/safety_stock": "out_of_range", "/track": "wrong_type",
		"/low_stock_threshold": "out_of_range", "/max_per_order": "out_of_range", "/incoming": "out_of_range", "/colour": "unknown_field",
	}, faults(members{
		"when_out_of_stock": "never", "backorder_limit": -1, "safety_stock": 1_000_000_001, "track": 1,
		"low_stock_threshold": -1, "max_per_order": 0, "incoming": -5, "colour": "red",
	}))
	require.Equal(t, seen.Header.Get("ETag"), s.call("GET", "/v1/stock/A", nil, 200).Header.Get("ETag"))
}
