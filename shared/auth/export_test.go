package auth

import "time"

// Age lets time pass for what is known of the issuers' keys.
func (v *Verifier) Age(by time.Duration) {
	for _, iss := range v.issuers {
		iss.keys.mu.Lock()
		iss.keys.fetched = iss.keys.fetched.Add(-by)
		iss.keys.tried = iss.keys.tried.Add(-by)
		iss.keys.mu.Unlock()
	}
}

// Later lets the verifier live in a time that is later than ours.
func (v *Verifier) Later(by time.Duration) {
	v.now = func() time.Time { return time.Now().Add(by) }
}

// Kept is how many tokens are remembered.
func (v *Verifier) Kept() int {
	v.verified.mu.Lock()
	defer v.verified.mu.Unlock()
	return len(v.verified.tokens)
}
