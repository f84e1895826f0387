package exporter

import (
	"html"
	"strings"
)

// plain is a text without its HTML: tags gone, what they hide too, entities as
// characters. Forms that show text as it is get nothing that acts.
func plain(s string) string {
	if !strings.ContainsAny(s, "<&") {
		return strings.Join(strings.Fields(s), " ")
	}
	var b strings.Builder
	for s != "" {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:open])
		tag, rest, closed := tagOf(s[open:])
		if !closed { // a lone <, as in "5 < 6"
			b.WriteByte('<')
			s = s[open+1:]
			continue
		}
		s = rest
		switch tag {
		case "script", "style":
			_, s, _ = cutFold(s, "</"+tag)
			_, s, _ = strings.Cut(s, ">")
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}

// tagOf takes a tag or comment off the front of s; rest is what follows.
func tagOf(s string) (name, rest string, closed bool) {
	if strings.HasPrefix(s, "<!--") {
		_, rest, closed = strings.Cut(s[4:], "-->")
		return "!--", rest, closed
	}
	name = strings.TrimPrefix(s[1:], "/")
	if name == "" || !letter(name[0]) && name[0] != '!' && name[0] != '?' {
		return "", s, false
	}
	end := strings.IndexByte(s, '>')
	if end < 0 {
		return "", s, false
	}
	word := s[1:end]
	if i := strings.IndexAny(word, " \t\r\n"); i >= 0 {
		word = word[:i]
	}
	return strings.ToLower(word), s[end+1:], true
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func cutFold(s, sep string) (before, after string, found bool) {
	for i := 0; i+len(sep) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(sep)], sep) {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}
