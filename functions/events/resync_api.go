package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/events/internal/resync"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/idempotency"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// resyncAfter adds the next products of a resync to the outbox once that is
// drained: what was there before goes first. What it adds is sent by the
// delivery that it asks for.
func resyncAfter(drain event.Handler, worker *resync.Worker, waker *outbox.Waker, log *zap.Logger) event.Handler {
	return func(ctx context.Context, e event.Event) (*event.Event, error) {
		reply, err := drain(ctx, e)
		if err != nil {
			return reply, err
		}
		more, err := worker.Advance(ctx)
		if err != nil {
			// The drain is done, and a resync goes on with the next wake-up.
			log.Error("a resync makes no progress", zap.Error(err))
		}
		if more {
			waker.Wake()
		}
		return reply, nil
	}
}

type startResyncBody struct {
	Target string     `json:"target" enum:"recommendation" doc:"Who needs it: decides what is sent. Every subscriber of these events gets them, marked replay"`
	Since  *time.Time `json:"since,omitempty" doc:"Only what changed since; a time too early does no harm. Missing is the whole catalog"`
}

type startResyncInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255"`
	Body           startResyncBody
}

type resyncOutput struct {
	Status       int
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         resync.Resync
}

func startResync(db postgres.DB, waker *outbox.Waker) func(context.Context, *startResyncInput) (*resyncOutput, error) {
	return func(ctx context.Context, in *startResyncInput) (*resyncOutput, error) {
		caller := auth.CallerFrom(ctx).Subject
		reply, err := idempotency.Do(ctx, db, idempotency.Request{
			Caller: caller, Operation: "start-resync", Key: in.IdempotencyKey, Body: in.Body,
		}, func(tx pgx.Tx) (idempotency.Reply[resync.Resync], error) {
			started, err := resync.Start(ctx, tx, resync.Request{Target: in.Body.Target, Since: in.Body.Since, By: caller})
			return idempotency.Reply[resync.Resync]{Status: http.StatusCreated, Body: started}, err
		})
		if err != nil {
			return nil, err
		}
		waker.Wake()
		return &resyncOutput{
			Status: http.StatusCreated, CacheControl: private, Location: "/v1/resyncs/" + reply.Body.ID.String(), Body: reply.Body,
		}, nil
	}
}

type listResyncsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

type resyncList struct {
	Items      []resync.Resync `json:"items"`
	NextCursor *string         `json:"next_cursor"`
}

type listResyncsOutput struct {
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         resyncList
}

func listResyncs(db postgres.DB) func(context.Context, *listResyncsInput) (*listResyncsOutput, error) {
	return func(ctx context.Context, in *listResyncsInput) (*listResyncsOutput, error) {
		const query = "resyncs"
		var before uuid.UUID
		if in.Cursor != "" {
			if err := web.DecodeCursor(in.Cursor, query, &before); err != nil {
				return nil, err
			}
		}
		found, err := resync.List(ctx, db, before, in.Limit+1)
		if err != nil {
			return nil, err
		}
		out := &listResyncsOutput{CacheControl: private, Body: resyncList{Items: found}}
		if len(found) > in.Limit {
			out.Body.Items = found[:in.Limit]
			next, err := web.EncodeCursor(query, found[in.Limit-1].ID)
			if err != nil {
				return nil, err
			}
			out.Body.NextCursor = &next
			out.Link = web.NextLink("/v1/resyncs", url.Values{"limit": {strconv.Itoa(in.Limit)}}, next)
		}
		return out, nil
	}
}

type resyncInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type oneResyncOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         resync.Resync
}

func getResync(db postgres.DB) func(context.Context, *resyncInput) (*oneResyncOutput, error) {
	return func(ctx context.Context, in *resyncInput) (*oneResyncOutput, error) {
		found, err := resync.Get(ctx, db, in.ID)
		return &oneResyncOutput{CacheControl: private, Body: found}, err
	}
}

func cancelResync(db postgres.DB) func(context.Context, *resyncInput) (*oneResyncOutput, error) {
	return func(ctx context.Context, in *resyncInput) (*oneResyncOutput, error) {
		cancelled, err := resync.Cancel(ctx, db, in.ID)
		return &oneResyncOutput{CacheControl: private, Body: cancelled}, err
	}
}
