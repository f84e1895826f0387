package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/mallhive/product-service/knative/local/client"
)

// shelf is what the count finds, so that every telling starts alike.
const shelf = 40

type line struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Locked    int64  `json:"locked"`
	Available int64  `json:"available"`
	Reason    string `json:"reason"`
}

type reservation struct {
	OrderID string `json:"order_id"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Lines   []line `json:"lines"`
}

type level struct {
	OnHand    int64 `json:"on_hand"`
	Reserved  int64 `json:"reserved"`
	Available int64 `json:"available"`
}

// countShelf sets the stock of the story's variant; other locations hold none
// of it in the sample.
func (s *story) countShelf(ctx context.Context) error {
	if err := s.read(ctx, func(client.Reply) string { return s.product.Name + ", variant " + s.sku() }); err != nil {
		return err
	}
	row, err := json.Marshal(map[string]any{"sku": s.sku(), "location": "main", "on_hand": shelf})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	var last struct {
		Summary struct{ Rows, Failed int }
	}
	_, err = s.ask(ctx, s.staff, request{method: http.MethodPost, path: "/v1/stock:import?results=failed", raw: row, body: json.RawMessage(row),
		want: http.StatusOK, headers: []string{"Content-Type", "application/x-ndjson", "Accept", "application/x-ndjson"},
		into: &last, tell: func(r client.Reply) string { return shorten(r.Body, 160) }})
	if err != nil {
		return err
	}
	return hold(last.Summary.Rows == 1 && last.Summary.Failed == 0, "the count was not taken")
}

func (s *story) stock(ctx context.Context) (level, error) {
	var l level
	_, err := s.ask(ctx, s.staff, get("/v1/stock/"+s.sku(), &l, func(client.Reply) string {
		return fmt.Sprintf("on hand %d, reserved %d, available %d", l.OnHand, l.Reserved, l.Available)
	}))
	return l, err
}

func (s *story) lines(quantity int64) []any {
	return []any{map[string]any{"sku": s.sku(), "quantity": quantity}}
}

func (s *story) checkAvailability(ctx context.Context) error {
	var answer struct {
		Orderable bool
		Lines     []struct {
			SKU       string
			Status    string
			UnitPrice *amount `json:"unit_price"`
			Available int64   `json:"available_to_order"`
		}
	}
	body := map[string]any{"currency": currency, "lines": []any{
		map[string]any{"sku": s.sku(), "quantity": 2, "expected_price": amount{s.product.priceOf(s.sku()), currency}},
		map[string]any{"sku": "NO-SUCH-SKU", "quantity": 1},
	}}
	_, err := s.ask(ctx, s.shop, request{method: http.MethodPost, path: "/v1/availability", body: body, want: http.StatusOK, into: &answer,
		tell: func(client.Reply) string {
			text := fmt.Sprintf("orderable %v", answer.Orderable)
			for _, l := range answer.Lines {
				text += fmt.Sprintf(", %s %s (%d)", l.SKU, l.Status, l.Available)
			}
			return text
		}})
	if err != nil {
		return err
	}
	good := len(answer.Lines) == 2 && answer.Lines[0].Status == "ok" && answer.Lines[0].Available == 2 && answer.Lines[1].Status == "unknown_sku"
	return hold(good && !answer.Orderable, "the answer should be ok for the first line and unknown_sku for the second")
}

func (s *story) placeAndPay(ctx context.Context) error {
	before, err := s.stock(ctx)
	if err != nil {
		return err
	}
	id := s.orderID("paid")
	if err := s.place(ctx, id, 2); err != nil {
		return err
	}
	during, err := s.stock(ctx)
	if err != nil {
		return err
	}
	if err := hold(during.Reserved == before.Reserved+2 && during.OnHand == before.OnHand, "2 more should be reserved"); err != nil {
		return err
	}
	s.pen.say("The customer pays.")
	if err := s.publish(ctx, "paid", id, map[string]any{}); err != nil {
		return err
	}
	if _, err := s.outcome(ctx, "committed", id); err != nil {
		return err
	}
	if err := s.reservation(ctx, id, "committed"); err != nil {
		return err
	}
	after, err := s.stock(ctx)
	if err != nil {
		return err
	}
	return hold(after.Reserved == before.Reserved && after.OnHand == before.OnHand-2, "2 should be sold")
}

// place sends an order and waits until its stock is locked.
func (s *story) place(ctx context.Context, id string, quantity int64) error {
	if err := s.publish(ctx, "placed", id, map[string]any{"lines": s.lines(quantity)}); err != nil {
		return err
	}
	r, err := s.outcome(ctx, "locked", id)
	if err != nil {
		return err
	}
	return hold(len(r.Lines) == 1 && r.Lines[0].Locked == quantity, "%d should be locked", quantity)
}

func (s *story) reservation(ctx context.Context, id, state string) error {
	var r reservation
	_, err := s.ask(ctx, s.staff, get("/v1/reservations/"+id, &r, func(client.Reply) string { return "state " + r.State }))
	if err != nil {
		return err
	}
	return hold(r.State == state, "the reservation should be %s", state)
}

func (s *story) placeAndCancel(ctx context.Context) error {
	before, err := s.stock(ctx)
	if err != nil {
		return err
	}
	id := s.orderID("cancelled")
	if err := s.place(ctx, id, 3); err != nil {
		return err
	}
	s.pen.say("The customer changes their mind.")
	if err := s.publish(ctx, "cancelled", id, map[string]any{"reason": "changed_mind"}); err != nil {
		return err
	}
	if _, err := s.outcome(ctx, "released", id); err != nil {
		return err
	}
	after, err := s.stock(ctx)
	if err != nil {
		return err
	}
	return hold(after == before, "the stock should be as before")
}

func (s *story) cancelFirst(ctx context.Context) error {
	before, err := s.stock(ctx)
	if err != nil {
		return err
	}
	id := s.orderID("overtaken")
	if err := s.publish(ctx, "cancelled", id, map[string]any{"reason": "changed_mind"}); err != nil {
		return err
	}
	if _, err := s.outcome(ctx, "released", id); err != nil {
		return err
	}
	s.pen.say("Now the order itself arrives, late.")
	if err := s.publish(ctx, "placed", id, map[string]any{"lines": s.lines(1)}); err != nil {
		return err
	}
	r, err := s.outcome(ctx, "rejected", id)
	if err != nil {
		return err
	}
	if err := hold(r.Reason == "order_cancelled" || len(r.Lines) > 0 && r.Lines[0].Reason == "order_cancelled", "the reason should be order_cancelled"); err != nil {
		return err
	}
	after, err := s.stock(ctx)
	if err != nil {
		return err
	}
	return hold(after == before, "nothing should be locked")
}

func (s *story) tooLarge(ctx context.Context) error {
	id := s.orderID("too-large")
	if err := s.publish(ctx, "placed", id, map[string]any{"lines": s.lines(shelf * 10)}); err != nil {
		return err
	}
	r, err := s.outcome(ctx, "rejected", id)
	if err != nil {
		return err
	}
	if err := hold(len(r.Lines) == 1 && r.Lines[0].Locked == 0 && r.Lines[0].Reason != "", "the line should have a reason and nothing locked"); err != nil {
		return err
	}
	return s.reservation(ctx, id, "rejected")
}

func (s *story) audit(ctx context.Context) error {
	var found struct {
		Items []any `json:"items"`
	}
	_, err := s.ask(ctx, s.staff, get("/v1/stock:audit", &found, func(client.Reply) string {
		return fmt.Sprintf("%d differences between levels, ledger and reservations", len(found.Items))
	}))
	if err != nil {
		return err
	}
	return hold(len(found.Items) == 0, "the audit should find nothing")
}
