package auth

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// maxVerified bounds the memory of tokens that were found to hold. Only those
// get in, so that no stranger's drive out others.
const maxVerified = 1024

// verified remembers tokens whose signature and claims held, because a sender
// comes with one token for an hour and its signature costs more to check than
// most of what is asked for. Whatever can change is looked at each time: its
// expiry, and whether the issuer's keys are still the ones it was checked with.
type verified struct {
	mu     sync.Mutex
	tokens map[[sha256.Size]byte]holding
}

type holding struct {
	caller     Caller
	of         *issuer
	keyID      string
	generation int
	expiry     time.Time
}

// known is the caller of a token that was verified before and still holds.
func (v *Verifier) known(ctx context.Context, sum [sha256.Size]byte) (Caller, bool) {
	v.verified.mu.Lock()
	h, found := v.verified.tokens[sum]
	v.verified.mu.Unlock()
	if !found || h.expiry.Before(v.now()) {
		return Caller{}, false
	}
	// It is this that looks for withdrawn keys, however old the token is.
	if err := h.of.keys.ensure(ctx, h.keyID); err != nil {
		return Caller{}, false
	}
	return h.caller, h.of.keys.current() == h.generation
}

func (v *verified) keep(sum [sha256.Size]byte, h holding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tokens) >= maxVerified {
		for some := range v.tokens {
			delete(v.tokens, some)
			break
		}
	}
	v.tokens[sum] = h
}
