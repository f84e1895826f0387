// Package gate stands before a test's database as a managed server would: it
// knows which logins hold now and refuses others in PostgreSQL's words, and it
// speaks TLS with a certificate of a test's own authority. What passes goes to
// the real server.
package gate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// Gate is a running one.
type Gate struct {
	Port     int
	CAFile   string // authorities that the certificate holds under
	upstream *pgx.ConnConfig
	tls      *tls.Config

	mu      sync.Mutex
	logins  map[string]string // user -> password
	refused int
	opened  int
}

// Open stands before the database of this connection string. Its certificate
// is for the host name localhost alone.
func Open(t testing.TB, upstream string) *Gate {
	t.Helper()
	cfg, err := pgx.ParseConfig(upstream)
	require.NoError(t, err)
	g := &Gate{upstream: cfg, logins: map[string]string{}}
	g.certify(t)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g.Port = listener.Addr().(*net.TCPAddr).Port
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go g.serve(conn)
		}
	}()
	return g
}

// Allow lets this login in from now on, with this password alone.
func (g *Gate) Allow(user, password string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logins[user] = password
}

// Withdraw refuses the login from now on; what it has open goes on.
func (g *Gate) Withdraw(user string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.logins, user)
}

// Counts are how many connects were let in and how many refused.
func (g *Gate) Counts() (opened, refused int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened, g.refused
}

// Secret is a login in the form that RDS keeps it, for a host by which the
// gate is reached.
func (g *Gate) Secret(t testing.TB, host, user, password string, more ...string) string {
	t.Helper()
	s := map[string]any{"username": user, "password": password, "host": host, "port": g.Port, "dbname": g.upstream.Database}
	for i := 0; i+1 < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	b, err := json.Marshal(s)
	require.NoError(t, err)
	return string(b)
}

// URL is a connection string to the gate.
func (g *Gate) URL(user, password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + g.upstream.Database, RawQuery: "sslmode=disable"}
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(g.Port))
	return u.String()
}

const sslRequest = 80877103

func (g *Gate) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var head [8]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		if binary.BigEndian.Uint32(head[4:]) == sslRequest {
			if _, err := conn.Write([]byte("S")); err != nil {
				return
			}
			conn = tls.Server(conn, g.tls)
			continue
		}
		rest := make([]byte, int(binary.BigEndian.Uint32(head[:4]))-8)
		if _, err := io.ReadFull(conn, rest); err != nil {
			return
		}
		var startup pgproto3.StartupMessage
		if startup.Decode(append(head[4:8:8], rest...)) != nil {
			return // a cancel request or another version
		}
		g.admit(conn, startup)
		return
	}
}

// admit asks for the password and, when it holds, joins the two connections.
func (g *Gate) admit(conn net.Conn, startup pgproto3.StartupMessage) {
	front := pgproto3.NewBackend(conn, conn)
	front.Send(&pgproto3.AuthenticationCleartextPassword{})
	if front.Flush() != nil || front.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return
	}
	msg, err := front.Receive()
	password, ok := msg.(*pgproto3.PasswordMessage)
	if err != nil || !ok {
		return
	}
	user := startup.Parameters["user"]
	g.mu.Lock()
	known, there := g.logins[user]
	held := there && known == password.Password
	if held {
		g.opened++
	} else {
		g.refused++
	}
	g.mu.Unlock()
	if !held {
		code := "28P01"
		if !there {
			code = "28000" // a role that may not log in any longer
		}
		front.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: `password authentication failed for user "` + user + `"`})
		_ = front.Flush()
		return
	}
	g.join(conn, front, startup)
}

func (g *Gate) join(conn net.Conn, front *pgproto3.Backend, startup pgproto3.StartupMessage) {
	up := g.upstream.Copy()
	for k, v := range startup.Parameters {
		if k != "user" && k != "database" {
			up.RuntimeParams[k] = v
		}
	}
	server, err := pgx.ConnectConfig(context.Background(), up)
	if err != nil {
		return
	}
	behind, err := server.PgConn().Hijack()
	if err != nil {
		return
	}
	defer func() { _ = behind.Conn.Close() }()
	front.Send(&pgproto3.AuthenticationOk{})
	for k, v := range behind.ParameterStatuses {
		front.Send(&pgproto3.ParameterStatus{Name: k, Value: v})
	}
	front.Send(&pgproto3.BackendKeyData{ProcessID: behind.PID, SecretKey: behind.SecretKey})
	front.Send(&pgproto3.ReadyForQuery{TxStatus: behind.TxStatus})
	if front.Flush() != nil {
		return
	}
	over := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		over <- struct{}{}
	}
	go pipe(behind.Conn, conn)
	go pipe(conn, behind.Conn)
	<-over
}

// certify makes an authority and a certificate of it for localhost.
func (g *Gate) certify(t testing.TB) {
	t.Helper()
	authority := certificate(true)
	caKey, caDER := issue(t, authority, nil, nil)
	ca, err := x509.ParseCertificate(caDER)
	require.NoError(t, err)
	leaf := certificate(false)
	leaf.DNSNames = []string{"localhost"}
	key, der := issue(t, leaf, ca, caKey)
	g.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	g.CAFile = writePEM(t, caDER)
}

// OtherCA is a file with an authority that has nothing to do with any gate.
func OtherCA(t testing.TB) string {
	t.Helper()
	_, der := issue(t, certificate(true), nil, nil)
	return writePEM(t, der)
}

func certificate(ca bool) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
}

func issue(t testing.TB, c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	require.NoError(t, err)
	return key, der
}

func writePEM(t testing.TB, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}
