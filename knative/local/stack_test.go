package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/knative/local/client"
	"github.com/mallhive/product-service/knative/local/demo"
	"github.com/mallhive/product-service/knative/local/internal/pgserver"
	"github.com/mallhive/product-service/knative/local/internal/process"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/knative/local/replay"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// startStack runs the three real binaries, configured by the shipped
// manifests, on ports and a database of their own.
func startStack(t *testing.T) *stack {
	t.Helper()
	env := map[string]string{"DATABASE_URL": freshDatabase(t), "BROKER_COPIES": "2-4", "INVENTORY_INSTANCES": "3"}
	for _, name := range []string{"FRONT", "CATALOG", "INVENTORY", "EVENTS", "ISSUER", "BROKER", "SINKS"} {
		port, err := pgserver.FreePort(context.Background())
		require.NoError(t, err)
		env["PORT_"+name] = strconv.Itoa(port)
	}
	st := &stack{settings: settingsFrom(t, env), manifest: read(t), out: t.Output(), log: zap.NewNop(),
		functions: map[string]*process.Process{}, died: make(chan death, 8), databaseGone: make(chan string, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	t.Cleanup(st.stop)
	require.NoError(t, st.start(ctx))
	require.NoError(t, st.loadSample(ctx))
	require.Nil(t, st.postgres, "the server of DATABASE_URL is used")
	return st
}

func freshDatabase(t *testing.T) string {
	t.Helper()
	admin := os.Getenv(testdb.Variable)
	require.NotEmpty(t, admin, "run the tests with make test")
	name := "local_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	conn, err := pgx.Connect(context.Background(), admin)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), "create database "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), admin)
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		_, err = conn.Exec(context.Background(), "drop database if exists "+name+" with (force)")
		require.NoError(t, err)
	})
	u, err := url.Parse(admin)
	require.NoError(t, err)
	u.Path = "/" + name
	return u.String()
}

// The demo's story on three instances of inventory, with every event delivered
// two to four times in random order;
// then a crowd of orders for too little stock, twice; then an event that nobody
// can use.
func TestTheShippedManifestsRunTheWholeStory(t *testing.T) {
	t.Parallel()
	st := startStack(t)
	ctx, ports := context.Background(), st.settings.ports
	front, broker, sinks := address(ports.front), address(ports.broker)+"/product-service/default", address(ports.sinks)
	token, err := st.issuer.Token(issuer.Claims{Scopes: []string{"catalog:write", "inventory:write", "inventory:lock", "events:admin"}})
	require.NoError(t, err)
	require.NoError(t, demo.Run(ctx, demo.Options{FrontURL: front, BrokerURL: broker, SinksURL: sinks, Token: token, Out: t.Output()}))

	crowd := replay.Options{Orders: crowdFile(t, 200), Stock: 100, Concurrency: 64,
		FrontURL: front, BrokerURL: broker, SinksURL: sinks, Token: token, Out: t.Output()}
	require.NoError(t, replay.Run(ctx, crowd))
	require.NoError(t, replay.Run(ctx, crowd))
	var reservations struct {
		Items []any `json:"items"`
	}
	require.NoError(t, client.New(front, token).Get(ctx, "/v1/reservations?state=locked&sku=CROWD&limit=100", &reservations))
	require.Len(t, reservations.Items, 100)
	require.Len(t, st.shares(), 3)
	for _, instance := range st.shares() {
		require.Greater(t, instance.Requests, int64(100), instance.Address)
	}

	_, err = client.New(broker, "").Publish(ctx, client.Event{ID: uuid.NewString(), Type: "com.mallhive.order.placed.v1",
		Source: "/order-service", Subject: "broken", Time: time.Now(), Data: map[string]any{"order_id": "broken"}})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var page struct {
			Items []any `json:"items"`
		}
		return client.New(front, token).Get(ctx, "/v1/dead-letters", &page) == nil && len(page.Items) > 0
	}, 20*time.Second, 100*time.Millisecond, "what nobody can use becomes a dead letter that the events function keeps")
}

func crowdFile(t *testing.T, orders int) string {
	t.Helper()
	var lines strings.Builder
	for i := range orders {
		_, _ = fmt.Fprintf(&lines, `{"order_id":"crowd-%d","lines":[{"sku":"CROWD","quantity":1}]}`+"\n", i)
	}
	file := filepath.Join(t.TempDir(), "orders.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	return file
}
