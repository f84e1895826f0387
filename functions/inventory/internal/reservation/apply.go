package reservation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Message is what happened to an order after it was placed.
type Message struct {
	Step    Step // Paid, Cancelled or Returned
	OrderID string
	Lines   []event.OrderLine // a part of the order; none means all of it
	Restock bool              // whether returned goods can be sold again
	Reason  string
	// Source and ID tell deliveries of one message apart from another message.
	// Both are empty where the caller has its own way, as over HTTP: then every
	// message is another one.
	Source, ID string
	Actor      string
	Announce   bool // as in Order

	once string // instead of Source and ID
}

// Check reports everything that is wrong with the message itself.
func (m Message) Check() error {
	var faults fault.List
	if !stock.ValidID(m.OrderID) {
		faults.Add("/order_id", "format", "takes 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")
	}
	if m.Step == Returned && len(m.Lines) == 0 {
		faults.Add("/lines", "required", "a return names what came back")
	}
	checkLines(&faults, m.Lines)
	return faults.Err()
}

// name is what the id of the reply is made of.
func (m Message) name() string {
	if m.ID != "" {
		return m.Step.String() + " " + m.Source + " " + m.ID
	}
	return m.Step.String() + " " + m.once
}

// errAgain means that the reservation appeared while its absence was acted on.
var errAgain = errors.New("the reservation has just appeared")

// Apply does what the message asks for, by the table of outcomes. The same
// message again gets the same reply. A contradiction of the state is a fault
// of kind Conflict; a message before its order is one of kind Unavailable.
func Apply(ctx context.Context, db postgres.DB, m Message) (Answer, error) {
	if err := m.Check(); err != nil {
		return Answer{}, err
	}
	m.Lines, m.once = summed(m.Lines), uuid.Must(uuid.NewV7()).String()
	var answer Answer
	for range maxRounds {
		err := inRounds(ctx, db, func(tx pgx.Tx, short needed) (err error) {
			answer, err = apply(ctx, tx, m, short)
			return err
		})
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return Answer{}, fmt.Errorf("%s order %s: %w", m.Step, m.OrderID, err)
		}
		return answer, nil
	}
	return Answer{}, fault.Passing(errAgain, time.Second, "the order is being changed")
}

func apply(ctx context.Context, tx pgx.Tx, m Message, short needed) (Answer, error) {
	records, err := overdueFor(ctx, tx, short, m.OrderID)
	if err != nil {
		return Answer{}, err
	}
	r := records[m.OrderID]
	if r == nil {
		return absent(ctx, tx, m)
	}
	if answer, found, err := earlier(ctx, tx, m); err != nil || found {
		return answer, err
	}
	standing := standingOf(r.State, r.Tombstone)
	if r.Overdue {
		standing = standingOf(r.whenOver(), false)
	}
	outcome := OutcomeOf(m.Step, standing)
	switch outcome.Do {
	case RepeatLast:
		return r.repeatLast(ctx, tx, m)
	case Conflict:
		return Answer{}, fault.Clash(outcome.Reason, "the order is not committed: only what was sold can come back")
	default:
		return act(ctx, tx, m, outcome, records)
	}
}

// act moves stock and replies.
func act(ctx context.Context, tx pgx.Tx, m Message, outcome Outcome, records map[string]*record) (Answer, error) {
	r := records[m.OrderID]
	book, err := stock.Open(ctx, tx, skusOf(nil, records))
	if err != nil {
		return Answer{}, err
	}
	announced, err := expireInto(ctx, tx, book, records)
	if err != nil {
		return Answer{}, err
	}
	if outcome.Do == LockCommit {
		if err := book.ReadOverdue(ctx, tx, skusOf(nil, records)); err != nil {
			return Answer{}, err
		}
	}
	sequences, err := outbox.Sequences(ctx, tx, 1)
	if err != nil {
		return Answer{}, err
	}
	replyID := event.ReplyID(m.OrderID, m.name())
	cause := stock.OfOrder(m.OrderID, m.Step.String()+"/"+replyID, m.Actor)
	cause.Reason = m.Reason
	typ, reason, err := r.perform(book, cause, m, outcome)
	if err != nil {
		return Answer{}, err
	}
	answer, err := r.answer(typ, reason, m, sequences[0])
	if err != nil {
		return Answer{}, err
	}
	batch := &pgx.Batch{}
	if typ != event.InventoryRejected {
		r.settle(answer.Reply)
		queueRecords(batch, []*record{r})
		if m.Announce {
			announced = append(announced, answer.Reply)
		}
	}
	queueMessage(batch, m, answer.Reply)
	answer.Appended, err = post(ctx, tx, book, batch, announced)
	return answer, err
}

// perform changes the record and the book; it returns the type of the reply
// and, of a rejection, the reason.
func (r *record) perform(book *stock.Book, cause stock.Cause, m Message, o Outcome) (typ, reason string, err error) {
	switch o.Do {
	case Commit:
		return event.InventoryCommitted, "", r.commit(book, cause, m.Lines)
	case LockCommit:
		sold, err := r.lockAndCommit(book, cause, m.Lines)
		if err == nil && !sold {
			return event.InventoryRejected, o.Reason, nil
		}
		return event.InventoryCommitted, "", err
	case Release:
		return event.InventoryReleased, "", r.release(book, cause, m.Lines)
	case GiveBack:
		return event.InventoryReturned, "", r.giveBack(book, cause, m.Lines, m.Restock)
	case Reject:
		return event.InventoryRejected, o.Reason, nil
	default:
		return "", "", fmt.Errorf("the table gives %s an action that it cannot have", m.Step)
	}
}

func (r *record) answer(typ, reason string, m Message, sequence int64) (Answer, error) {
	data, err := r.document()
	if err != nil {
		return Answer{}, err
	}
	if typ == event.InventoryRejected {
		data.Reason = reason
	}
	reply, err := newReply(typ, m.name(), r.Now, sequence, data)
	return Answer{Reply: reply, Data: data}, err
}
