package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mallhive/product-service/shared/fault"
)

// Fault turns an error of the database that will pass into fault.Unavailable:
// it cannot be reached, is starting or stopping, has no connection left, did
// not answer in time, or the caller left. Other errors come back as they are.
func Fault(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) || !passing(err) {
		return err
	}
	return fault.Passing(err, 2*time.Second, "the database does not answer now")
}

func passing(err error) bool {
	var connect *pgconn.ConnectError
	var network *net.OpError
	if errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
	}
	// 08 connection, 53 resources, 57 operator intervention and cancelled
	// statements, 40 lost transactions, 55P03 a lock waited for too long,
	// 28 a login that is being rotated, 25006 a failover's read-only side.
	for _, class := range []string{"08", "53", "57", "40", "55P03", "28", "25006", "58"} {
		if strings.HasPrefix(pg.Code, class) {
			return true
		}
	}
	return false
}
