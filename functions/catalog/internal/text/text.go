// Package text is the rule that every text of a document keeps.
package text

import (
	"strings"
	"unicode/utf8"

	"github.com/mallhive/product-service/shared/fault"
)

// Check notes a text that is longer than most characters, blank although at
// least one is asked for, or has a NUL, which PostgreSQL cannot store.
func Check(faults *fault.List, pointer, s string, least, most int) {
	n := len(s)
	if n > most {
		n = utf8.RuneCountInString(s)
	}
	switch {
	case strings.IndexByte(s, 0) >= 0:
		faults.Add(pointer, "format", "no NUL character")
	case least > 0 && strings.TrimSpace(s) == "":
		faults.Add(pointer, "too_short", "not empty")
	case n > most:
		faults.Add(pointer, "too_long", "at most %d characters", most)
	}
}
