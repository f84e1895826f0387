package reservation

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

// stored is a reply as the tables keep it: what it takes to send the same
// event again.
type stored struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Time     time.Time       `json:"time"`
	Sequence int64           `json:"sequence"`
	Data     json.RawMessage `json:"data"`
}

// replyType is the event that tells of a state.
func replyType(s State) string {
	switch s {
	case Locked, PartiallyLocked:
		return event.InventoryLocked
	case Committed:
		return event.InventoryCommitted
	case Released:
		return event.InventoryReleased
	case Expired:
		return event.InventoryExpired
	default:
		return event.InventoryRejected
	}
}

// newReply makes the reply to a step of an order. Its id follows from the two,
// so that a redelivery that must be decided anew would still get the same.
func newReply(typ, step string, at time.Time, sequence int64, data event.ReservationData) (event.Event, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return event.Event{}, fmt.Errorf("reply to %s of order %s: %w", step, data.OrderID, err)
	}
	return event.Event{
		ID: event.ReplyID(data.OrderID, step), Source: event.FromInventory, Type: typ,
		Subject: data.OrderID, PartitionKey: data.OrderID, Time: at.UTC(), Sequence: sequence, Data: body,
	}, nil
}

// store is the JSON of stored, around data that is JSON already. Nothing in the
// rest of it has to be escaped: the id is a UUID and the type one of ours.
func store(e event.Event) string {
	b := make([]byte, 0, len(e.Data)+200)
	b = append(append(b, `{"id":"`...), e.ID...)
	b = append(append(b, `","type":"`...), e.Type...)
	b = e.Time.AppendFormat(append(b, `","time":"`...), time.RFC3339Nano)
	b = strconv.AppendInt(append(b, `","sequence":`...), e.Sequence, 10)
	b = append(append(b, `,"data":`...), e.Data...)
	return string(append(b, '}'))
}

// repeat is the answer that was given before.
func repeat(orderID string, reply string) (Answer, error) {
	var s stored
	var data event.ReservationData
	if err := json.Unmarshal([]byte(reply), &s); err != nil {
		return Answer{}, fmt.Errorf("stored reply of order %s: %w", orderID, err)
	}
	if err := json.Unmarshal(s.Data, &data); err != nil {
		return Answer{}, fmt.Errorf("stored reply of order %s: %w", orderID, err)
	}
	return Answer{
		Reply: event.Event{
			ID: s.ID, Source: event.FromInventory, Type: s.Type, Subject: orderID, PartitionKey: orderID,
			Time: s.Time, Sequence: s.Sequence, Data: s.Data,
		},
		Data: data, Repeated: true,
	}, nil
}
