package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	// secretMaxAge is how long a fetched secret is used without looking again.
	secretMaxAge = 10 * time.Minute
	// secretMinAge is the least time between two fetches that refused logins
	// cause, or failures, so that neither a wrong password nor a throttled
	// account floods Secrets Manager.
	secretMinAge = 2 * time.Second
)

// Secrets reads a secret's current text.
type Secrets interface {
	Value(ctx context.Context, id string) (string, error)
}

// Rotating is a login kept in a secret of RDS's form. It is fetched at the
// first connect, anew when it is old or the server refused it, by one caller
// at a time; who has a login to try does not wait. Safe for concurrent use.
type Rotating struct {
	Secrets Secrets
	ID      string
	CAFile  string // verify-full against these authorities; "" takes the system's
	// Host, with a port or without, and Database go before what the secret says: a
	// secret that RDS manages has username and password only, and RDS Proxy is
	// reached by another name.
	Host, Database string

	mu       sync.Mutex // never held during a fetch
	url      string
	fetched  time.Time     // last success
	refused  time.Time     // last fetch that a refused login caused
	failed   time.Time     // last failure
	err      error         // of the last fetch
	fetching chan struct{} // closed when the fetch that runs now is over
}

// URL is the connection string of the secret's present value.
func (r *Rotating) URL(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url != "" && time.Since(r.fetched) < secretMaxAge {
		return r.url, nil
	}
	running := r.begin(ctx)
	if r.url != "" || running == nil {
		if r.url != "" {
			return r.url, nil // an old login is better than none, and than a wait
		}
		return "", r.err
	}
	if err := r.wait(ctx, running); err != nil {
		return "", err
	}
	return r.url, r.err
}

// Refused fetches the secret anew unless another caller has done so since the
// refused URL was read.
func (r *Rotating) Refused(ctx context.Context, refused string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url != refused {
		return true
	}
	if r.fetching == nil {
		if time.Since(r.refused) < secretMinAge {
			return false
		}
		r.refused = time.Now()
	}
	running := r.begin(ctx)
	if running == nil || r.wait(ctx, running) != nil {
		return false
	}
	return r.err == nil
}

// begin starts a fetch, or gives the one that runs; none so soon after one
// that failed.
func (r *Rotating) begin(ctx context.Context) chan struct{} {
	if r.fetching == nil && time.Since(r.failed) >= secretMinAge {
		r.fetching = make(chan struct{})
		// It serves all who wait, so it outlives the one that began it.
		go r.refresh(context.WithoutCancel(ctx), r.fetching)
	}
	return r.fetching
}

// wait lets go of the lock until the fetch is over.
func (r *Rotating) wait(ctx context.Context, running chan struct{}) error {
	r.mu.Unlock()
	defer r.mu.Lock()
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Rotating) refresh(ctx context.Context, done chan struct{}) {
	url, err := r.fetch(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err == nil {
		r.url, r.fetched = url, time.Now()
	} else {
		r.failed = time.Now()
	}
	r.fetching = nil
	close(done)
}

func (r *Rotating) fetch(ctx context.Context) (string, error) {
	text, err := r.Secrets.Value(ctx, r.ID)
	if err != nil {
		return "", err
	}
	if r.CAFile != "" {
		if _, err := os.Stat(r.CAFile); err != nil {
			return "", fmt.Errorf("authorities of the database's certificate: %w", err)
		}
	}
	u, err := r.connection(text)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", r.ID, err)
	}
	return u, nil
}

// connection reads the JSON that RDS and its rotation keep: username, password,
// host, port, dbname. Its errors never hold a value.
func (r *Rotating) connection(text string) (string, error) {
	var s struct {
		Username string      `json:"username"`
		Password string      `json:"password"`
		Host     string      `json:"host"`
		Port     json.Number `json:"port"`
		DBName   string      `json:"dbname"`
		SSLMode  string      `json:"sslmode"`
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return "", errors.New("is not JSON of the form {username, password, host, port, dbname}")
	}
	port := s.Port.String()
	if r.Host != "" {
		s.Host, port = r.Host, ""
		if host, own, err := net.SplitHostPort(r.Host); err == nil {
			s.Host, port = host, own
		}
	}
	if r.Database != "" {
		s.DBName = r.Database
	}
	if s.Username == "" || s.Password == "" || s.Host == "" || s.DBName == "" {
		return "", errors.New("lacks one of username, password, host, dbname (the last two may be DATABASE_HOST and DATABASE_NAME)")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		port = "5432"
	}
	q := url.Values{"sslmode": {"verify-full"}}
	if s.SSLMode != "" {
		q.Set("sslmode", s.SSLMode)
	}
	if r.CAFile != "" {
		q.Set("sslrootcert", r.CAFile)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(s.Username, s.Password),
		Host: net.JoinHostPort(s.Host, port), Path: "/" + s.DBName, RawQuery: q.Encode(),
	}
	return u.String(), nil
}
