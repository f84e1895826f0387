// Package idempotency keeps what was answered under an Idempotency-Key, in the
// transaction of the change itself. It owns the table idempotency_keys of each
// function's schema.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Keep is how long an answer is remembered at least.
const Keep = 7 * 24 * time.Hour

// maxKey is the longest key, in bytes.
const maxKey = 255

// Request is one use of a key.
type Request struct {
	Caller    string
	Operation string
	Key       string // empty: the change just runs
	Body      any    // what makes two requests the same
}

// Reply is what was answered: a status and a document, or a refusal.
type Reply[T any] struct {
	Status int          `json:"status"`
	Body   T            `json:"body"`
	Fault  *fault.Error `json:"fault,omitempty"`
	Again  bool         `json:"-"` // the stored answer of an earlier request
}

const insertKey = `
	insert into idempotency_keys (caller, operation, key, fingerprint)
	values (@caller, @operation, @key, @fingerprint)
	on conflict (caller, operation, key) do nothing`

const selectKey = `
	select fingerprint, reply
	from idempotency_keys
	where caller = @caller
	  and operation = @operation
	  and key = @key`

const storeReply = `
	update idempotency_keys
	set status = @status,
	    reply = @reply
	where caller = @caller
	  and operation = @operation
	  and key = @key`

// waitForOther is how long a second request waits for the first.
const waitForOther = `set local lock_timeout = '5s'`

const waitNormally = `set local lock_timeout = 0`

// Do runs change once for a key, in one transaction with what remembers it. A
// repeat gets the stored answer; the same key with another body is
// fault.Invalid; a repeat while the first still runs waits, then is
// fault.Conflict. A refusal (any fault but Unavailable) is stored as well, and
// what change did is rolled back.
func Do[T any](ctx context.Context, db postgres.DB, r Request, change func(tx pgx.Tx) (Reply[T], error)) (Reply[T], error) {
	var reply Reply[T]
	if len(r.Key) > maxKey {
		return reply, fault.InvalidInput(fault.Field{Pointer: "/Idempotency-Key", In: "header", Code: "too_long", Detail: fmt.Sprintf("at most %d bytes", maxKey)})
	}
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		var err error
		if r.Key == "" {
			reply, err = change(tx)
			return err
		}
		reply, err = once(ctx, tx, r, change)
		return err
	})
	if err == nil && reply.Fault != nil {
		return reply, reply.Fault
	}
	return reply, err
}

func once[T any](ctx context.Context, tx pgx.Tx, r Request, change func(tx pgx.Tx) (Reply[T], error)) (Reply[T], error) {
	body, err := json.Marshal(r.Body)
	if err != nil {
		return Reply[T]{}, fmt.Errorf("fingerprint of %s: %w", r.Operation, err)
	}
	print := sha256.Sum256(body)
	args := pgx.NamedArgs{"caller": r.Caller, "operation": r.Operation, "key": r.Key, "fingerprint": print[:]}
	first, err := claim(ctx, tx, args)
	if err != nil {
		return Reply[T]{}, err
	}
	if !first {
		return stored[T](ctx, tx, args, print[:])
	}
	if _, err := tx.Exec(ctx, forget, pgx.NamedArgs{"keep": Keep}); err != nil {
		return Reply[T]{}, fmt.Errorf("forget old idempotency keys: %w", err)
	}
	var reply Reply[T]
	err = postgres.InTx(ctx, tx, func(inner pgx.Tx) error {
		reply, err = change(inner)
		return err
	})
	if err != nil {
		f := fault.As(postgres.Fault(err))
		if f.Kind == fault.Internal || f.Kind == fault.Unavailable || postgres.Retryable(err) {
			return reply, err
		}
		reply = Reply[T]{Fault: f}
	}
	args["status"], args["reply"] = reply.Status, reply
	if _, err := tx.Exec(ctx, storeReply, args); err != nil {
		return reply, fmt.Errorf("store the answer of %s: %w", r.Operation, err)
	}
	return reply, nil
}

func claim(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) (bool, error) {
	if _, err := tx.Exec(ctx, waitForOther); err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, insertKey, args)
	if postgres.IsLockTimeout(err) {
		return false, fault.Clash("in_progress", "a request with this Idempotency-Key is still running")
	}
	if err != nil {
		return false, fmt.Errorf("claim an idempotency key: %w", err)
	}
	_, err = tx.Exec(ctx, waitNormally)
	return tag.RowsAffected() == 1, err
}

func stored[T any](ctx context.Context, tx pgx.Tx, args pgx.NamedArgs, print []byte) (Reply[T], error) {
	var was, text []byte
	if err := tx.QueryRow(ctx, selectKey, args).Scan(&was, &text); err != nil {
		return Reply[T]{}, fmt.Errorf("read an idempotency key: %w", err)
	}
	var reply Reply[T]
	if string(was) != string(print) {
		return reply, fault.InvalidInput(fault.Field{
			Pointer: "/Idempotency-Key", In: "header", Code: "key_reused", Detail: "this key was used with another body",
		})
	}
	if err := json.Unmarshal(text, &reply); err != nil {
		return reply, fmt.Errorf("stored answer: %w", err)
	}
	reply.Again = true
	return reply, nil
}

// Each new key makes room: so the table stays as large as Keep makes it, in every
// function, whether anything else runs or not.
const forget = `
	delete from idempotency_keys
	where ctid = any (array(
	    select ctid
	    from idempotency_keys
	    where created_at < now() - @keep::interval
	    order by created_at
	    limit 10
	    for update skip locked))`
