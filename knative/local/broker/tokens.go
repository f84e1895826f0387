package broker

import (
	"sync"
	"time"
)

// tokenAge is how long a token is used again; issuers give them an hour.
const tokenAge = 5 * time.Minute

// tokens keeps one token for each identity and audience.
type tokens struct {
	mint func(subject, audience string) (string, error)
	mu   sync.Mutex
	kept map[[2]string]kept
}

type kept struct {
	token string
	until time.Time
}

// get is empty when no token is wanted.
func (t *tokens) get(subject, audience string) (string, error) {
	if t.mint == nil || audience == "" {
		return "", nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := [2]string{subject, audience}
	if k := t.kept[key]; time.Now().Before(k.until) {
		return k.token, nil
	}
	token, err := t.mint(subject, audience)
	if err != nil {
		return "", err
	}
	if t.kept == nil {
		t.kept = map[[2]string]kept{}
	}
	t.kept[key] = kept{token: token, until: time.Now().Add(tokenAge)}
	return token, nil
}
