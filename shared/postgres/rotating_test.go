package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/gate"
	"github.com/mallhive/product-service/shared/postgres/testdb"
	"github.com/mallhive/product-service/shared/secret"
	"github.com/mallhive/product-service/shared/secret/secrettest"
)

const secretID = "product-service/catalog"

// rotating opens a pool of 32 connections whose login is in the secret.
func rotating(t *testing.T, caFile string) (*postgres.Pool, *postgres.Rotating) {
	t.Helper()
	logins := &postgres.Rotating{Secrets: new(secret.Manager), ID: secretID, CAFile: caFile}
	pool, err := postgres.Open(context.Background(), postgres.Options{
		Logins: logins, Application: "catalog", MaxConns: 32, StatementTimeout: 20 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool, logins
}

// waitLong lets a transaction wait for others to connect, however slow the
// machine is.
const waitLong = `set local idle_in_transaction_session_timeout = 0`

// together runs n transactions that are all open at once, so that each needs a
// connection of its own, and returns their errors.
func together(ctx context.Context, pool *postgres.Pool, n int) []error {
	var open sync.WaitGroup
	open.Add(n)
	errs := make([]error, n)
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			var once sync.Once
			arrived := func() { once.Do(open.Done) }
			defer arrived()
			errs[i] = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, waitLong); err != nil {
					return err
				}
				arrived()
				open.Wait()
				_, err := tx.Exec(ctx, `select 1`)
				return err
			})
		})
	}
	done.Wait()
	return errs
}

func allHeld(t *testing.T, errs []error) {
	t.Helper()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func TestARotatedPasswordCostsNoFailedRequestWhile32AreBusy(t *testing.T) {
	secrets := secrettest.Start(t)
	g := gate.Open(t, testdb.New(t).URL("catalog"))
	for name, rotate := range map[string]func(){
		"single user": func() {
			g.Allow("first", "new-password")
			secrets.Set(g.Secret(t, "localhost", "first", "new-password"))
		},
		"alternating users": func() {
			g.Allow("second", "other-password")
			secrets.Set(g.Secret(t, "localhost", "second", "other-password"))
			g.Withdraw("first")
		},
	} {
		g.Allow("first", "old-password")
		secrets.Set(g.Secret(t, "localhost", "first", "old-password"))
		ctx := context.Background()
		pool, _ := rotating(t, g.CAFile)
		calls := secrets.Calls()
		require.NoError(t, pool.QueryRow(ctx, `select 1`).Scan(new(int)))
		require.Equal(t, 1, secrets.Calls()-calls, name)
		busy, err := pool.Begin(ctx) // open before, goes on after
		require.NoError(t, err)
		defer func() { _ = busy.Rollback(context.Background()) }() // a failure must not wait for it
		_, err = busy.Exec(ctx, waitLong)
		require.NoError(t, err)
		_, before := g.Counts()
		rotate()
		allHeld(t, together(ctx, pool, 31))
		_, after := g.Counts()
		require.NotEqual(t, before, after, "%s: the old login was tried", name)
		require.Equal(t, 2, secrets.Calls()-calls, "%s: one refetch serves all", name)
		_, err = busy.Exec(ctx, `select 1`)
		require.NoError(t, err)
		require.NoError(t, busy.Rollback(ctx))
		allHeld(t, together(ctx, pool, 32))
		require.Equal(t, 2, secrets.Calls()-calls)
	}
}

func TestAPasswordThatStaysWrongFloodsNobodyAndShowsNowhere(t *testing.T) {
	secrets := secrettest.Start(t)
	g := gate.Open(t, testdb.New(t).URL("catalog"))
	g.Allow("first", "right")
	secrets.Set(g.Secret(t, "localhost", "first", "hunter2-wrong"))
	pool, logins := rotating(t, g.CAFile)
	for range 50 {
		_, err := pool.Exec(context.Background(), `select 1`)
		require.True(t, fault.Is(postgres.Fault(err), fault.Unavailable), "%v", err)
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.LessOrEqual(t, secrets.Calls(), 5, "the first fetch, then one in two seconds")
	secrets.Set(g.Secret(t, "localhost", "first", "right"))
	logins.Age(time.Minute)
	_, err := pool.Exec(context.Background(), `select 1`)
	require.NoError(t, err, "it heals without a restart")
}

func TestTroubleOfSecretsManagerIsPassingAndNamesTheSecretAlone(t *testing.T) {
	secrets := secrettest.Start(t)
	g := gate.Open(t, testdb.New(t).URL("catalog"))
	g.Allow("first", "hunter2")
	for _, trouble := range []string{"ThrottlingException", "ResourceNotFoundException", "AccessDeniedException", "InternalServiceError", "DecryptionFailure"} {
		secrets.Fail(trouble)
		calls := secrets.Calls()
		pool, logins := rotating(t, g.CAFile)
		for range 20 {
			_, err := pool.Exec(context.Background(), `select 1`)
			require.True(t, fault.Is(postgres.Fault(err), fault.Unavailable), "%s: %v", trouble, err)
			require.ErrorContains(t, err, trouble)
			require.ErrorContains(t, err, secretID)
		}
		require.LessOrEqual(t, secrets.Calls()-calls, 4, "%s: one fetch and its retry", trouble)
		secrets.Fail("")
		secrets.Set(g.Secret(t, "localhost", "first", "hunter2"))
		logins.Age(time.Minute)
		_, err := pool.Exec(context.Background(), `select 1`)
		require.NoError(t, err, trouble)
	}
	for _, value := range []string{"hunter2", "", "[]", `{"username":"hunter2","password":"hunter2"}`, `{"username":"u","password":"hunter2","host":"h ost\u0000","port":"x","dbname":"%zz"}`} {
		secrets.Set(value)
		pool, _ := rotating(t, g.CAFile)
		_, err := pool.Exec(context.Background(), `select 1`)
		require.True(t, fault.Is(postgres.Fault(err), fault.Unavailable), "%v", err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestASecretsManagerThatHangsHoldsUpNobodyWithALogin(t *testing.T) {
	secrets := secrettest.Start(t)
	g := gate.Open(t, testdb.New(t).URL("catalog"))
	g.Allow("first", "right")
	secrets.Hang()
	secrets.Set(g.Secret(t, "localhost", "first", "right"))
	pool, logins := rotating(t, g.CAFile)
	hasty, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer stop()
	_, err := pool.Exec(hasty, `select 1`)
	require.True(t, fault.Is(postgres.Fault(err), fault.Unavailable), "a caller waits no longer than it may: %v", err)
	secrets.Resume()
	_, err = pool.Exec(context.Background(), `select 1`)
	require.NoError(t, err)
	calls := secrets.Calls()
	secrets.Hang()
	logins.Age(time.Hour)                                                  // the secret is old, and cannot be looked at
	short, end := context.WithTimeout(context.Background(), 5*time.Second) // half of what a fetch may take
	defer end()
	for range 100 {
		_, err = pool.Exec(short, `select 1`)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, secrets.Calls()-calls, 1, "one looks, for all")
}

// RDS manages secrets that have neither host nor database, and RDS Proxy has a
// name of its own.
func TestASecretNeedNotSayWhereTheDatabaseIs(t *testing.T) {
	secrets := secrettest.Start(t)
	g := gate.Open(t, testdb.New(t).URL("catalog"))
	g.Allow("first", "right")
	whole := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(g.Secret(t, "localhost", "first", "right")), &whole))
	where := fmt.Sprintf("localhost:%v", whole["port"])
	for name, said := range map[string]map[string]any{
		"nothing":   {"username": "first", "password": "right"},
		"otherwise": {"username": "first", "password": "right", "host": "elsewhere.invalid", "port": 1, "dbname": "other"},
	} {
		text, err := json.Marshal(said)
		require.NoError(t, err)
		secrets.Set(string(text))
		pool, logins := rotating(t, g.CAFile)
		logins.Host, logins.Database = where, whole["dbname"].(string)
		require.NoError(t, pool.QueryRow(context.Background(), `select 1`).Scan(new(int)), name)
	}
}

func TestTheServersCertificateMustHoldInFull(t *testing.T) {
	secrets := secrettest.Start(t)
	g := gate.Open(t, testdb.New(t).URL("catalog"))
	g.Allow("first", "hunter2")
	for name, c := range map[string]struct{ host, caFile, says string }{
		"another authority": {"localhost", gate.OtherCA(t), "certificate signed by unknown authority"},
		"the system's":      {"localhost", "", "certificate signed by unknown authority"},
		"another host":      {"127.0.0.1", g.CAFile, "127.0.0.1"},
		"no such file":      {"localhost", "/nonexistent/ca.pem", "/nonexistent/ca.pem"},
	} {
		secrets.Set(g.Secret(t, c.host, "first", "hunter2"))
		pool, _ := rotating(t, c.caFile)
		_, err := pool.Exec(context.Background(), `select 1`)
		require.True(t, fault.Is(postgres.Fault(err), fault.Unavailable), "%s: %v", name, err)
		require.ErrorContains(t, err, c.says, name)
		require.NotContains(t, err.Error(), "hunter2")
		opened, refused := g.Counts()
		require.Zero(t, opened+refused, "%s: no password was sent", name)
	}
	secrets.Set(g.Secret(t, "localhost", "first", "hunter2"))
	pool, _ := rotating(t, g.CAFile)
	require.NoError(t, pool.QueryRow(context.Background(), `select 1`).Scan(new(int)))
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	secrets := secrettest.Start(t)
	for _, value := range []string{"hidden", `{"username":"hidden","password":"hidden"}`} {
		secrets.Set(value)
		logins := &postgres.Rotating{Secrets: new(secret.Manager), ID: secretID}
		_, err := logins.URL(context.Background())
		require.ErrorContains(t, err, secretID)
		require.NotContains(t, err.Error(), "hidden")
	}
	for _, url := range []string{"postgres://user:hidden@[bad", "postgres://user:hidden@127.0.0.1:1/x?sslmode=disable", "hidden", "host=127.0.0.1 port=1 password=hidden x"} {
		pool, err := postgres.Open(context.Background(), postgres.Options{Logins: postgres.Fixed(url), MaxConns: 1, StatementTimeout: time.Second})
		require.NoError(t, err)
		_, err = pool.Exec(context.Background(), `select 1`)
		require.Error(t, err)
		require.NotContains(t, strings.ToLower(err.Error()), "hidden")
		pool.Close()
	}
}
