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
