package postgres

import "context"

// Fixed is a login that never changes: local use and tests.
type Fixed string

// URL is the connection string itself.
func (f Fixed) URL(context.Context) (string, error) { return string(f), nil }

// Refused is false: there is no other login to try.
func (f Fixed) Refused(context.Context, string) bool { return false }
