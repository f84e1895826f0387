package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// sendUUIDs lets ids go to the server as the 16 bytes that they are: pgx would
// write each as text and read that again.
func sendUUIDs(_ context.Context, conn *pgx.Conn) error {
	m := conn.TypeMap()
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{wrapUUID}, m.TryWrapEncodePlanFuncs...)
	return nil
}

type id uuid.UUID

func (v *id) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: *v, Valid: true}, nil }

// ids is an array of one dimension, null when it is nil.
type ids []uuid.UUID

func (s ids) Dimensions() []pgtype.ArrayDimension {
	if s == nil {
		return nil
	}
	return []pgtype.ArrayDimension{{Length: int32(len(s)), LowerBound: 1}} //nolint:gosec // as many as fit into memory
}

func (s ids) Index(i int) any { return (*id)(&s[i]) }

func (s ids) IndexType() any { return (*id)(nil) }

func wrapUUID(value any) (plan pgtype.WrappedEncodePlanNextSetter, next any, ok bool) {
	switch v := value.(type) {
	case uuid.UUID:
		return &planOf[uuid.UUID]{wrap: func(v uuid.UUID) any { return (*id)(&v) }}, (*id)(&v), true
	case []uuid.UUID:
		return &planOf[[]uuid.UUID]{wrap: func(v []uuid.UUID) any { return ids(v) }}, ids(v), true
	}
	return nil, nil, false
}

// planOf encodes a value as the one that it is wrapped into.
type planOf[T any] struct {
	wrap func(T) any
	next pgtype.EncodePlan
}

func (p *planOf[T]) SetNext(next pgtype.EncodePlan) { p.next = next }

func (p *planOf[T]) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode(p.wrap(value.(T)), buf)
}
