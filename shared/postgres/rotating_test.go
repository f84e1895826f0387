package postgres_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
	"github.com/mallhive/product-service/shared/secret"
)

// secretsManager speaks the part of AWS's protocol that GetSecretValue uses.
type secretsManager struct {
	calls atomic.Int32
	value atomic.Value
}

func (m *secretsManager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.calls.Add(1)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || r.Header.Get("Authorization") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Name": "s", "SecretString": m.value.Load()})
}

func rds(t *testing.T, login string) string {
	t.Helper()
	u, err := url.Parse(login)
	require.NoError(t, err)
	password, _ := u.User.Password()
	b, err := json.Marshal(map[string]any{
		"username": u.User.Username(), "password": password, "host": u.Hostname(), "port": json.Number(u.Port()),
		"dbname": u.Path[1:], "sslmode": "disable",
	})
	require.NoError(t, err)
	return string(b)
}

func localSecrets(t *testing.T) *secretsManager {
	t.Helper()
	m := &secretsManager{}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(k, v)
	}
	return m
}

func TestARotatedLoginCostsNoFailedRequest(t *testing.T) {
	m := localSecrets(t)
	db := testdb.New(t)
	ctx := context.Background()
	old := login(t, db)
	m.value.Store(rds(t, old.url))
	pool, err := postgres.Open(ctx, postgres.Options{
		Logins:      &postgres.Rotating{Secrets: new(secret.Manager), ID: "product-service/catalog"},
		Application: "catalog", MaxConns: 8, StatementTimeout: 5 * time.Second,
	})
	require.NoError(t, err)
	defer pool.Close()
	require.Zero(t, m.calls.Load(), "opening a pool fetches nothing")
	_, err = pool.Exec(ctx, `select 1`)
	require.NoError(t, err)
	require.EqualValues(t, 1, m.calls.Load())

	m.value.Store(rds(t, db.URL("catalog")))
	old.withdraw(t)
	var wg sync.WaitGroup
	errs := make(chan error, 32)
	for range 32 {
		wg.Go(func() {
			errs <- pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { // all connections at once
				_, err := tx.Exec(ctx, `select pg_sleep(0.02)`)
				return err
			})
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, m.calls.Load(), "one refetch serves all")
}

type rotatedLogin struct {
	url      string
	withdraw func(t *testing.T)
}

// login is a second login of the catalog function, which can be withdrawn as
// rotation does: open connections go on, new ones are refused.
func login(t *testing.T, db *testdb.Database) rotatedLogin {
	t.Helper()
	admin, err := pgx.Connect(context.Background(), os.Getenv(testdb.Variable))
	require.NoError(t, err)
	name := "rotated_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	run := func(sql string) {
		_, err := admin.Exec(context.Background(), sql)
		require.NoError(t, err)
	}
	run("create role " + name + " login password 'first' in role catalog_fn")
	t.Cleanup(func() {
		run("drop role " + name)
		require.NoError(t, admin.Close(context.Background()))
	})
	u, err := url.Parse(db.URL("catalog"))
	require.NoError(t, err)
	u.User = url.UserPassword(name, "first")
	return rotatedLogin{url: u.String(), withdraw: func(*testing.T) {
		run("alter role " + name + " nologin")
	}}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	m := localSecrets(t)
	ctx := context.Background()
	for _, value := range []string{"hidden", `{"username":"hidden","password":"hidden"}`} {
		m.value.Store(value)
		logins := &postgres.Rotating{Secrets: new(secret.Manager), ID: "product-service/catalog"}
		_, err := logins.URL(ctx)
		require.ErrorContains(t, err, "product-service/catalog")
		require.NotContains(t, err.Error(), "hidden")
	}
}
