package event

import "bytes"

// scan walks through JSON once and makes no values of it. It takes less than is
// JSON: a text with an escape or a character beyond ASCII, a number that is not
// a plain integer, and deep nesting are left to a whole reader, and so is
// whatever is wrong, which that one then finds words for.
type scan struct {
	text  []byte
	at    int
	depth int
}

// deepest is how deep objects and arrays may lie in each other.
const deepest = 32

// peek is the character that comes next after space, and 0 at the end.
func (s *scan) peek() byte {
	for ; s.at < len(s.text); s.at++ {
		if c := s.text[s.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

func (s *scan) next(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// ended says whether nothing but space is left.
func (s *scan) ended() bool {
	s.peek()
	return s.at == len(s.text)
}

// members goes through an object; each takes the value of a member. A name with
// a capital may be meant for a member that is called otherwise.
func (s *scan) members(each func(name []byte) bool) bool {
	if s.depth++; s.depth > deepest || !s.next('{') {
		return false
	}
	for first := true; !s.next('}'); first = false {
		if !first && !s.next(',') {
			return false
		}
		name, ok := s.string()
		if !ok || bytes.ContainsAny(name, capitals) || !s.next(':') || !each(name) {
			return false
		}
	}
	s.depth--
	return true
}

const capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// entries goes through an array; each takes an entry.
func (s *scan) entries(each func() bool) bool {
	if s.depth++; s.depth > deepest || !s.next('[') {
		return false
	}
	for first := true; !s.next(']'); first = false {
		if !first && !s.next(',') || !each() {
			return false
		}
	}
	s.depth--
	return true
}

// string is what is between the quotes.
func (s *scan) string() (text []byte, ok bool) {
	if !s.next('"') {
		return nil, false
	}
	for from := s.at; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1], true
		case c < ' ' || c == '\\' || c >= 0x80:
			return nil, false
		}
	}
	return nil, false
}

// integer takes one of so few digits that a float64 is exact for it.
func (s *scan) integer() (n int64, ok bool) {
	const most = 15
	negative := s.next('-')
	if s.at == len(s.text) || !isDigit(s.text[s.at]) { // no space after the sign
		return 0, false
	}
	from := s.at
	for ; s.at < len(s.text) && isDigit(s.text[s.at]); s.at++ {
		if s.at-from == most {
			return 0, false
		}
		n = n*10 + int64(s.text[s.at]-'0')
	}
	if s.at-from > 1 && s.text[from] == '0' {
		return 0, false
	}
	if s.at < len(s.text) && (s.text[s.at] == '.' || s.text[s.at]|0x20 == 'e') {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *scan) boolean() (on, ok bool) {
	if s.word("true") {
		return true, true
	}
	return false, s.word("false")
}

func (s *scan) word(w string) bool {
	s.peek()
	if !bytes.HasPrefix(s.text[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}
