package search

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold writes a text plainly: lower case, without accents, trade marks and the
// numbers of footnotes.
func fold(text string) string {
	plain := true
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return strings.ToLower(text)
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch r {
		case '®', '™', '©', '℠', '¹', '²', '³', '\u00ad', '\u200b':
		case '″', '”', '“', '„':
			b.WriteByte('"')
		case '’', '‘', '′':
			b.WriteByte('\'')
		case '‐', '‑', '‒', '–', '—', '−':
			b.WriteByte('-')
		case '×':
			b.WriteByte('x')
		case 'ß':
			b.WriteString("ss")
		case 'æ', 'Æ':
			b.WriteString("ae")
		case 'œ', 'Œ':
			b.WriteString("oe")
		case 'ø', 'Ø':
			b.WriteByte('o')
		case 'ł', 'Ł':
			b.WriteByte('l')
		default:
			b.WriteRune(r)
		}
	}
	decomposed := norm.NFKD.String(b.String())
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, decomposed)
}

// withoutMarkup takes the tags and what is not for readers out of a text.
func withoutMarkup(text string) string {
	if !strings.ContainsAny(text, "<&") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for rest := text; rest != ""; {
		open := strings.IndexByte(rest, '<')
		if open < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:open])
		rest = rest[open:]
		end := tagEnd(rest)
		if end == 0 {
			b.WriteByte('<')
			rest = rest[1:]
			continue
		}
		b.WriteByte(' ')
		rest = afterHidden(rest, end)
	}
	return html.UnescapeString(b.String())
}

// longTag is longer than tags are: what begins like one and goes on is text.
const longTag = 2000

// tagEnd is how long the tag is that a text begins with, 0 for none: "a < b"
// has none.
func tagEnd(text string) int {
	if len(text) < 3 || !strings.ContainsRune("/!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", rune(text[1])) {
		return 0
	}
	return strings.IndexByte(text[:min(len(text), longTag)], '>') + 1
}

// afterHidden is what follows a tag and, for a script or a style, what is in it.
func afterHidden(text string, end int) string {
	for _, name := range []string{"script", "style"} {
		if len(text) <= len(name)+1 || !strings.EqualFold(text[1:1+len(name)], name) {
			continue
		}
		closing := strings.Index(strings.ToLower(text), "</"+name)
		if closing < 0 {
			return ""
		}
		rest := text[closing:]
		return rest[tagEnd(rest):]
	}
	return text[end:]
}
