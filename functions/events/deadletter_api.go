package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// takeLetter keeps what the broker gave up on, whatever its type and content.
func takeLetter(authorize func(*http.Request) error, db postgres.DB, log *zap.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := letterOf(authorize, r)
		if err == nil {
			err = deadletter.Store(r.Context(), db, deadletter.FromBroker(e))
		}
		if err != nil {
			event.Refuse(w, log, e, err)
			return
		}
		log.Warn("dead letter kept", event.LogFields(e)...)
		w.WriteHeader(http.StatusAccepted)
	})
}

func letterOf(authorize func(*http.Request) error, r *http.Request) (event.Event, error) {
	if err := authorize(r); err != nil {
		return event.Event{}, err
	}
	return event.FromRequest(r)
}

// LetterFilter is what names dead letters in a query. Huma reads exported parts only.
type LetterFilter struct {
	Type        string    `query:"type" doc:"Only of this event type" maxLength:"256"`
	Subject     string    `query:"subject" doc:"Only of this subject" maxLength:"256"`
	EventID     string    `query:"event_id" doc:"Only of the event with this id" maxLength:"256"`
	Source      string    `query:"source" doc:"Only of events from there" maxLength:"1024"`
	Destination string    `query:"destination" doc:"Only what this address did not take" maxLength:"1024"`
	Status      int       `query:"status" doc:"Only what was answered with this HTTP status" minimum:"100" maximum:"599"`
	Replayed    string    `query:"replayed" enum:"true,false" doc:"Only those that were replayed and did not come back, or only the others"`
	Refused     string    `query:"refused" enum:"true,false" doc:"Only those that cannot be replayed, or only the others"`
	Since       time.Time `query:"since" doc:"Only what became a dead letter then or later"`
	Until       time.Time `query:"until" doc:"Only what became a dead letter before"`
}

func (f LetterFilter) domain() deadletter.Filter {
	return deadletter.Filter{
		Type: f.Type, Subject: f.Subject, EventID: f.EventID, Source: f.Source, Destination: f.Destination, Status: f.Status,
		Replayed: saidSo(f.Replayed), Refused: saidSo(f.Refused), Since: given(f.Since), Until: given(f.Until),
	}
}

func saidSo(text string) *bool {
	if text == "" {
		return nil
	}
	yes := text == "true"
	return &yes
}

func given(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

type listLettersInput struct {
	LetterFilter
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
	query  url.Values
}

// Resolve keeps the query for the Link header.
func (in *listLettersInput) Resolve(ctx huma.Context) []error { //nolint:unparam // huma.Resolver
	address := ctx.URL()
	in.query = address.Query()
	return nil
}

type letterList struct {
	Items      []deadletter.DeadLetter `json:"items"`
	NextCursor *string                 `json:"next_cursor"`
}

type listLettersOutput struct {
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         letterList
}

func listLetters(db postgres.DB) func(context.Context, *listLettersInput) (*listLettersOutput, error) {
	return func(ctx context.Context, in *listLettersInput) (*listLettersOutput, error) {
		query := []any{"dead-letters", in.LetterFilter}
		var after uuid.UUID
		if in.Cursor != "" {
			if err := web.DecodeCursor(in.Cursor, query, &after); err != nil {
				return nil, err
			}
		}
		found, err := deadletter.List(ctx, db, in.domain(), after, in.Limit+1)
		if err != nil {
			return nil, err
		}
		out := &listLettersOutput{CacheControl: private, Body: letterList{Items: found}}
		if len(found) > in.Limit {
			out.Body.Items = found[:in.Limit]
			next, err := web.EncodeCursor(query, found[in.Limit-1].ID)
			if err != nil {
				return nil, err
			}
			out.Body.NextCursor = &next
			out.Link = web.NextLink("/v1/dead-letters", in.query, next)
		}
		return out, nil
	}
}

const private = "private, no-store"

type letterInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type letterOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         deadletter.DeadLetter
}

func getLetter(db postgres.DB) func(context.Context, *letterInput) (*letterOutput, error) {
	return func(ctx context.Context, in *letterInput) (*letterOutput, error) {
		letter, err := deadletter.Get(ctx, db, in.ID)
		return &letterOutput{CacheControl: private, Body: letter}, err
	}
}

func replayLetter(db postgres.DB, send deadletter.Send) func(context.Context, *letterInput) (*letterOutput, error) {
	return func(ctx context.Context, in *letterInput) (*letterOutput, error) {
		if send == nil {
			return nil, fault.Passing(nil, 0, "this instance has no broker to replay to")
		}
		letter, err := deadletter.Replay(ctx, db, send, in.ID)
		return &letterOutput{CacheControl: private, Body: letter}, err
	}
}

type replayLettersBody struct {
	IDs            []uuid.UUID `json:"ids,omitempty" maxItems:"500" doc:"Only these; also those that are known to be refused"`
	Type           string      `json:"type,omitempty" maxLength:"256"`
	Subject        string      `json:"subject,omitempty" maxLength:"256"`
	EventID        string      `json:"event_id,omitempty" maxLength:"256"`
	Source         string      `json:"source,omitempty" maxLength:"1024"`
	Destination    string      `json:"destination,omitempty" maxLength:"1024" doc:"Only what this address did not take. The event goes to the broker all the same, and so to all that want it"`
	Status         int         `json:"status,omitempty" minimum:"100" maximum:"599" doc:"Only with this as the last answer's status" example:"503"`
	Since          *time.Time  `json:"since,omitempty" doc:"Only what became a dead letter then or later"`
	Until          *time.Time  `json:"until,omitempty" doc:"Only what became a dead letter before"`
	ReplayedBefore *time.Time  `json:"replayed_before,omitempty" doc:"Also those that were replayed, the last time before this time; without it no letter is replayed twice"`
	Refused        bool        `json:"refused,omitempty" doc:"Only those that could not be replayed before"`
	Limit          int         `json:"limit,omitempty" minimum:"1" maximum:"500" default:"100"`
}

type replayLettersInput struct {
	Body replayLettersBody
}

type replayLettersOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         deadletter.Progress
}

// replayBudget ends a call of many well before its caller gives up.
const replayBudget = 8 * time.Second

func replayLetters(db postgres.DB, send deadletter.Send) func(context.Context, *replayLettersInput) (*replayLettersOutput, error) {
	return func(ctx context.Context, in *replayLettersInput) (*replayLettersOutput, error) {
		if send == nil {
			return nil, fault.Passing(nil, 0, "this instance has no broker to replay to")
		}
		b := in.Body
		many := deadletter.Many{
			Filter: deadletter.Filter{
				IDs: b.IDs, Type: b.Type, Subject: b.Subject, EventID: b.EventID, Source: b.Source,
				Destination: b.Destination, Status: b.Status, Since: b.Since, Until: b.Until,
			},
			ReplayedBefore: b.ReplayedBefore, Limit: b.Limit, Budget: replayBudget,
		}
		if b.Refused {
			many.Filter.Refused = &b.Refused
		}
		progress, err := deadletter.ReplayMany(ctx, db, send, many)
		return &replayLettersOutput{CacheControl: private, Body: progress}, err
	}
}

// deletedAtOnce bounds one call; the next goes on.
const deletedAtOnce = 10_000

type deleteLettersInput struct {
	LetterFilter
}

type deleteLettersOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         deletedLetters
}

type deletedLetters struct {
	Deleted int64 `json:"deleted" doc:"At most 10,000: call again until it is 0"`
}

func deleteLetters(db postgres.DB) func(context.Context, *deleteLettersInput) (*deleteLettersOutput, error) {
	return func(ctx context.Context, in *deleteLettersInput) (*deleteLettersOutput, error) {
		if in.LetterFilter == (LetterFilter{}) {
			return nil, fault.InvalidInput(fault.Field{Pointer: "/replayed", In: "query", Code: "required", Detail: "say which: at least one filter, such as replayed=true"})
		}
		n, err := deadletter.DeleteMany(ctx, db, in.domain(), deletedAtOnce)
		return &deleteLettersOutput{CacheControl: private, Body: deletedLetters{Deleted: n}}, err
	}
}

func deleteLetter(db postgres.DB) func(context.Context, *letterInput) (*struct{}, error) {
	return func(ctx context.Context, in *letterInput) (*struct{}, error) {
		return nil, deadletter.Delete(ctx, db, in.ID)
	}
}
