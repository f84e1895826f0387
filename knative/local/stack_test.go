package main

import (
	"context"
	"net/url"
	"os"
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
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// startStack runs the three real binaries, configured by the shipped
// manifests, on ports and a database of their own.
func startStack(t *testing.T) *stack {
	t.Helper()
	env := map[string]string{"DATABASE_URL": freshDatabase(t)}
	for _, name := range []string{"FRONT", "CATALOG", "INVENTORY", "EVENTS", "ISSUER", "BROKER", "SINKS"} {
		port, err := pgserver.FreePort(context.Background())
		require.NoError(t, err)
		env["PORT_"+name] = strconv.Itoa(port)
	}
	st := &stack{settings: settingsFrom(t, env), manifest: read(t), out: t.Output(), log: zap.NewNop(),
		died: make(chan string, 8), databaseGone: make(chan string, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	t.Cleanup(st.stop)
	require.NoError(t, st.start(ctx))
	require.NoError(t, st.loadSample(ctx))
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

func TestTheShippedManifestsRunTheWholeStory(t *testing.T) {
	t.Parallel()
	st := startStack(t)
	ports := st.settings.ports
	token, err := st.issuer.Token(issuer.Claims{Scopes: []string{"catalog:write", "inventory:write", "inventory:lock"}})
	require.NoError(t, err)
	require.NoError(t, demo.Run(context.Background(), demo.Options{
		FrontURL: address(ports.front), BrokerURL: address(ports.broker) + "/product-service/default",
		SinksURL: address(ports.sinks), Token: token, Out: t.Output(),
	}))

	// What nobody can use becomes a dead letter that the events function keeps.
	broker := client.New(address(ports.broker)+"/product-service/default", "")
	_, err = broker.Publish(context.Background(), client.Event{ID: uuid.NewString(), Type: "com.mallhive.order.placed.v1",
		Source: "/order-service", Subject: "broken", Time: time.Now(), Data: map[string]any{"order_id": "broken"}})
	require.NoError(t, err)
	admin, err := st.issuer.Token(issuer.Claims{Scopes: []string{"events:admin"}})
	require.NoError(t, err)
	front := client.New(address(ports.front), admin)
	require.Eventually(t, func() bool {
		var page struct {
			Items []any `json:"items"`
		}
		return front.Get(context.Background(), "/v1/dead-letters", &page) == nil && len(page.Items) == 1
	}, 20*time.Second, 100*time.Millisecond)
}
