package main

import (
	"context"
	"net/http"

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

type listLettersInput struct {
	Type    string `query:"type" doc:"Only of this event type" maxLength:"128"`
	Subject string `query:"subject" doc:"Only of this subject" maxLength:"128"`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor  string `query:"cursor" doc:"next_cursor of the page before"`
}

type letterList struct {
	Items      []deadletter.DeadLetter `json:"items"`
	NextCursor *string                 `json:"next_cursor"`
}

type listLettersOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         letterList
}

func listLetters(db postgres.DB) func(context.Context, *listLettersInput) (*listLettersOutput, error) {
	return func(ctx context.Context, in *listLettersInput) (*listLettersOutput, error) {
		query := []string{"dead-letters", in.Type, in.Subject}
		f := deadletter.Filter{Type: in.Type, Subject: in.Subject, Limit: in.Limit + 1}
		if in.Cursor != "" {
			if err := web.DecodeCursor(in.Cursor, query, &f.After); err != nil {
				return nil, err
			}
		}
		found, err := deadletter.List(ctx, db, f)
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

func deleteLetter(db postgres.DB) func(context.Context, *letterInput) (*struct{}, error) {
	return func(ctx context.Context, in *letterInput) (*struct{}, error) {
		return nil, deadletter.Delete(ctx, db, in.ID)
	}
}
