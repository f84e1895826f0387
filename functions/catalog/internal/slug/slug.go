// Package slug is names in addresses: what one looks like, and how to make one
// of a title.
package slug

import (
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/mallhive/product-service/shared/fault"
)

// Max is the longest slug, in bytes.
const Max = 200

// maxDerived leaves room for a suffix that makes a derived slug unique.
const maxDerived = 100

// Check notes a fault when text is no slug.
func Check(faults *fault.List, pointer, text string) {
	if !Valid(text) {
		faults.Add(pointer, "pattern", "words of a-z and 0-9 with single hyphens between them, at most %d characters, not a UUID", Max)
	}
}

// Valid reports whether text is a slug. A UUID is none, so that an address
// with an id never means two things.
func Valid(text string) bool {
	if text == "" || len(text) > Max || text[0] == '-' || text[len(text)-1] == '-' || strings.Contains(text, "--") {
		return false
	}
	for _, c := range []byte(text) {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return uuid.Validate(text) != nil
}

// From makes a slug of a title: accents dropped, everything but letters and
// digits a hyphen. It is empty when nothing remains.
func From(title string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFD.String(title) {
		letters, silent := plain(unicode.ToLower(r))
		switch {
		case silent:
		case letters == "":
			gap = true
		default:
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteString(letters)
		}
		if b.Len() >= maxDerived {
			break
		}
	}
	s := strings.Trim(b.String(), "-")
	if uuid.Validate(s) == nil {
		return ""
	}
	return s
}

// plain is what a letter is in ASCII: nothing for what parts words; silent is
// what stands on or between letters without parting them.
func plain(r rune) (letters string, silent bool) {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return string(r), false
	case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
		return "", true
	}
	switch r { // letters that Unicode does not take apart
	case 'ß':
		return "ss", false
	case 'æ':
		return "ae", false
	case 'œ':
		return "oe", false
	case 'ø':
		return "o", false
	case 'ł':
		return "l", false
	case 'đ':
		return "d", false
	}
	return "", false
}
