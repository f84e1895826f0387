package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/bench/stage"
)

// hole takes connections and never says a word, which is worse than refusing.
func hole(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// Database, Secrets Manager, STS, issuer, broker and collector all hang.
func TestAStartWaitsForNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel) // the parts below run when this function is over
	dir, at := t.TempDir(), "http://"+hole(t)
	require.NoError(t, stage.Build(ctx, dir, nil, programs()))
	identity := filepath.Join(dir, "identity")
	require.NoError(t, os.WriteFile(identity, []byte("token"), 0o600))
	common := []string{"AUTH_ISSUERS=" + at, "K_SINK=" + at, "OTEL_EXPORTER_OTLP_ENDPOINT=" + at,
		"EVENT_AUTH=oidc", "EVENT_AUDIENCE=product-service", "EVENT_SUBJECTS=system:serviceaccount:product-service:trigger"}
	logins := map[string][]string{
		"a login of its own": {"DATABASE_URL=postgres://nobody@" + hole(t) + "/none?sslmode=disable"},
		"a secret": {"DATABASE_SECRET_ID=none", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=" + at,
			"AWS_ROLE_ARN=arn:aws:iam::111122223333:role/none", "AWS_WEB_IDENTITY_TOKEN_FILE=" + identity},
	}
	for _, function := range stage.Functions() {
		for kind, login := range logins {
			t.Run(function+" with "+kind, func(t *testing.T) {
				t.Parallel()
				p := program{name: function, path: filepath.Join(dir, function), method: http.MethodGet, target: "/readyz",
					env: append(append([]string{}, common...), login...)}
				// The second answer comes from the process too: no request needs
				// what hangs in order to be refused or answered quickly.
				took, err := p.start(ctx)
				require.NoError(t, err)
				// Each of what hangs would take seconds to be given up.
				require.Less(t, took.alive, 4*time.Second)
			})
		}
	}
}
