package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// chance is some SKU, what holds some of it already, and what is asked for.
type chance struct {
	near, far, held int
	late            bool
	policy          members
	quantity        int
}

func drawChance(r *rapid.T) chance {
	c := chance{
		near: rapid.IntRange(0, 5).Draw(r, "near"), far: rapid.IntRange(0, 5).Draw(r, "far"),
		held: rapid.IntRange(0, 4).Draw(r, "held"), late: rapid.Bool().Draw(r, "late"),
		quantity: rapid.IntRange(1, 12).Draw(r, "quantity"),
		policy:   members{"safety_stock": rapid.IntRange(0, 3).Draw(r, "safety stock")},
	}
	word := rapid.SampledFrom([]string{"deny", "backorder", "preorder"}).Draw(r, "when out of stock")
	c.policy["when_out_of_stock"] = word
	if word != "deny" && rapid.Bool().Draw(r, "limited") {
		c.policy["backorder_limit"] = rapid.IntRange(0, 4).Draw(r, "limit")
	}
	if word == "preorder" {
		c.policy["available_on"] = time.Now().Add(time.Duration(rapid.SampledFrom([]int{-1, 1}).Draw(r, "date")) * time.Hour)
	}
	if rapid.Bool().Draw(r, "few an order") {
		c.policy["max_per_order"] = rapid.IntRange(1, 6).Draw(r, "max per order")
	}
	if rapid.IntRange(0, 9).Draw(r, "track") == 0 {
		c.policy["track"] = false
	}
	return c
}

func TestAvailabilityAndTheLockAgree(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.location("near", 1)
	s.location("far", 2)
	owner := s.DB.Owner(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		c, sku := drawChance(r), fmt.Sprint("S", n)
		s.offerBy(owner, sku, "Kettle", "active", map[string]int64{"USD": 1})
		s.count("near", map[string]int{sku: c.near})
		s.count("far", map[string]int{sku: c.far})
		if c.held > 0 {
			earlier := fmt.Sprint("earlier", n)
			s.Do(t, "POST", "/v1/reservations", members{"order_id": earlier, "lines": lines(sku, c.held), "allow_partial": true}, s.staff)
			if c.late {
				for _, table := range []string{"reservations", "reservation_lines"} {
					_, err := owner.Exec(context.Background(), `update inventory.`+table+` set expires_at = now() - interval '1 second' where order_id = $1 and expires_at is not null`, earlier)
					require.NoError(r, err)
				}
			}
		}
		s.policy(sku, c.policy)
		l := s.available(members{"lines": lines(sku, c.quantity)}).Lines[0]

		order := members{"order_id": fmt.Sprint("o", n), "lines": lines(sku, c.quantity)}
		a := s.Do(t, "POST", "/v1/reservations", order, s.staff)
		require.Equal(r, l.Status == "ok", a.Status == 201, "%+v\n%s", l, a.Body)
		if a.Status != 201 {
			order["order_id"], order["allow_partial"] = fmt.Sprint("part", n), true
			a = s.Do(t, "POST", "/v1/reservations", order, s.staff)
		}
		var got reservationDoc
		a.JSON(t, &got)
		require.Equal(r, l.AvailableToOrder, got.Lines[0].Locked, "%+v\n%s", l, a.Body)
		require.Equal(r, got.Lines[0].Locked > 0, l.Delivery != nil)
		if c.policy["track"] != false && l.Delivery != nil && *l.Delivery == "now" {
			doc := s.stock(sku)
			for _, at := range doc.Locations {
				require.LessOrEqual(r, at.Reserved, at.OnHand, "what is there now goes before a backorder: %+v", c)
			}
			require.Equal(r, 200, s.Do(t, "POST", "/v1/reservations/"+got.OrderID+"/commit", nil, s.staff).Status)
			require.Equal(r, got.Lines[0].Locked, doc.OnHand-s.stock(sku).OnHand, "what is there now goes now: %+v", c)
		}
	})
	s.sound()
}
