package event

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// token is what a sink asks its senders for: a file that the platform renews
// long before what is in it expires. Safe for concurrent use.
type token struct {
	file string

	mu     sync.Mutex
	read   time.Time
	header []string // of Authorization; nil without a token
}

// tokenAge is how long a token is used without looking again.
const tokenAge = time.Minute

// authorization is the header's value, or nil when there is no token: then the
// sink asks for none, or says so in its answer.
func (t *token) authorization() []string {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.read) < tokenAge {
		return t.header
	}
	t.read, t.header = time.Now(), nil
	if text, err := os.ReadFile(t.file); err == nil {
		if text = bytes.TrimSpace(text); len(text) > 0 {
			t.header = []string{"Bearer " + string(text)}
		}
	}
	return t.header
}

// refused makes the next send look again: the token may have been renewed.
func (t *token) refused() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read = time.Time{}
}
