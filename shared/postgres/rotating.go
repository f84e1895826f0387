package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// secretMaxAge is how long a fetched secret is used without looking again.
	secretMaxAge = 10 * time.Minute
	// secretMinAge is the least time between two fetches that refused logins
	// cause, so that a wrong password cannot flood Secrets Manager.
	secretMinAge = 2 * time.Second
)

// Secrets reads a secret's current text.
type Secrets interface {
	Value(ctx context.Context, id string) (string, error)
}

// Rotating is a login kept in a secret of RDS's form. It is fetched at the
// first connect, anew when it is old or the server refused it, by one caller
// at a time. Safe for concurrent use.
type Rotating struct {
	Secrets Secrets
	ID      string
	CAFile  string // verify-full against these authorities; "" takes the system's

	mu      sync.Mutex
	url     string
	fetched time.Time
	refused time.Time // last fetch that a refused login caused
}

// URL is the connection string of the secret's present value.
func (r *Rotating) URL(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url != "" && time.Since(r.fetched) < secretMaxAge {
		return r.url, nil
	}
	err := r.fetch(ctx)
	if err != nil && r.url != "" {
		return r.url, nil // an old login is better than none
	}
	return r.url, err
}

// Refused fetches the secret anew unless another caller has done so since the
// refused URL was read.
func (r *Rotating) Refused(ctx context.Context, refused string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url != refused {
		return true
	}
	if time.Since(r.refused) < secretMinAge {
		return false
	}
	r.refused = time.Now()
	return r.fetch(ctx) == nil
}

func (r *Rotating) fetch(ctx context.Context) error {
	text, err := r.Secrets.Value(ctx, r.ID)
	if err != nil {
		return err
	}
	u, err := rdsURL(text, r.CAFile)
	if err != nil {
		return fmt.Errorf("secret %s: %w", r.ID, err)
	}
	r.url, r.fetched = u, time.Now()
	return nil
}

// rdsURL reads the JSON that RDS and its rotation keep: username, password,
// host, port, dbname. Its errors never hold a value.
func rdsURL(text, caFile string) (string, error) {
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
	if s.Username == "" || s.Password == "" || s.Host == "" || s.DBName == "" {
		return "", errors.New("lacks one of username, password, host, dbname")
	}
	port := 5432
	if p, err := strconv.Atoi(s.Port.String()); err == nil {
		port = p
	}
	q := url.Values{"sslmode": {"verify-full"}}
	if s.SSLMode != "" {
		q.Set("sslmode", s.SSLMode)
	}
	if caFile != "" {
		q.Set("sslrootcert", caFile)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(s.Username, s.Password),
		Host: net.JoinHostPort(s.Host, strconv.Itoa(port)), Path: "/" + s.DBName, RawQuery: q.Encode(),
	}
	return u.String(), nil
}
