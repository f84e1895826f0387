package event

import (
	"encoding/json"
	"time"
)

// OrderLine is how much of a SKU an order means.
type OrderLine struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// OrderPlacedData is the data of OrderPlaced.
type OrderPlacedData struct {
	OrderID      string      `json:"order_id"`
	Lines        []OrderLine `json:"lines"`
	ExpiresAt    *time.Time  `json:"expires_at,omitempty"`
	AllowPartial bool        `json:"allow_partial,omitempty"`
}

// OrderPaidData is the data of OrderPaid. No lines means all of the order.
type OrderPaidData struct {
	OrderID string      `json:"order_id"`
	Lines   []OrderLine `json:"lines,omitempty"`
}

// OrderCancelledData is the data of OrderCancelled. No lines means all of the
// order.
type OrderCancelledData struct {
	OrderID string      `json:"order_id"`
	Lines   []OrderLine `json:"lines,omitempty"`
	Reason  string      `json:"reason"`
}

// OrderReturnedData is the data of OrderReturned. Restock says whether the
// goods can be sold again.
type OrderReturnedData struct {
	OrderID string      `json:"order_id"`
	Lines   []OrderLine `json:"lines"`
	Restock bool        `json:"restock"`
}

// ReservationData is the data of the inventory events: the reservation of an
// order after the step that the type names.
type ReservationData struct {
	OrderID   string                `json:"order_id"`
	State     string                `json:"state"`
	Reason    string                `json:"reason,omitempty"`
	ExpiresAt *time.Time            `json:"expires_at,omitempty"`
	Lines     []ReservationLineData `json:"lines"`
}

// ReservationLineData is one SKU of a reservation.
type ReservationLineData struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Locked    int64  `json:"locked"`
	Committed int64  `json:"committed,omitempty"`
	Returned  int64  `json:"returned,omitempty"`
	Available int64  `json:"available"`
	Reason    string `json:"reason,omitempty"`
}

// StockData is the data of the stock events.
type StockData struct {
	SKU               string `json:"sku"`
	Available         int64  `json:"available"`
	LowStockThreshold int64  `json:"low_stock_threshold"`
	OnHand            int64  `json:"on_hand"`
	Reserved          int64  `json:"reserved"`
	// Shortfall is reserved beyond what there is and may be ordered beyond it.
	Shortfall int64 `json:"shortfall,omitempty"`
}

// Amount is money: integer minor units of an ISO 4217 currency.
type Amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// PriceData is the data of PriceChanged: one price and the time in which it
// holds, from starts_at until before ends_at.
type PriceData struct {
	SKU         string     `json:"sku"`
	ProductID   string     `json:"product_id"`
	Kind        string     `json:"kind"` // base or sale
	Price       Amount     `json:"price"`
	CompareAt   *Amount    `json:"compare_at,omitempty"`
	StartsAt    time.Time  `json:"starts_at"`
	EndsAt      *time.Time `json:"ends_at"`
	CancelledAt *time.Time `json:"cancelled_at,omitempty"`
}

// CategoryData is the data of CategoryChanged. Change is created, updated or
// deleted.
type CategoryData struct {
	ID       string          `json:"id"`
	Change   string          `json:"change"`
	Slug     string          `json:"slug"`
	Name     string          `json:"name,omitempty"`
	Parent   *string         `json:"parent"`
	Document json.RawMessage `json:"category,omitempty"` // the category as HTTP shows it; absent when deleted
}

// InteractionData is the data of the interaction events.
type InteractionData struct {
	ProductID    *string   `json:"product_id"`
	SKU          string    `json:"sku,omitempty"`
	ProductKnown *bool     `json:"product_known"` // null when it could not be checked
	SessionID    string    `json:"session_id,omitempty"`
	UserID       string    `json:"user_id,omitempty"`
	Consent      bool      `json:"consent"`
	OccurredAt   time.Time `json:"occurred_at"`
	ReceivedAt   time.Time `json:"received_at"`
	// ClaimedAt is the time the caller gave, when it was too far off and
	// OccurredAt was corrected.
	ClaimedAt *time.Time `json:"claimed_at,omitempty"`
	Page      string     `json:"page,omitempty"`
	Referrer  string     `json:"referrer,omitempty"`
	List      string     `json:"list,omitempty"`
	Position  *int64     `json:"position,omitempty"`
	Query     string     `json:"query,omitempty"`
}

// WakeData is the data of OutboxReady.
type WakeData struct {
	Function string `json:"function"`
}
