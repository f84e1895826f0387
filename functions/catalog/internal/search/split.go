package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// link is what stands between two words.
type link int

const (
	apart link = iota // punctuation: a phrase ends
	space
	tight // a hyphen, a slash: written as one
)

// word is a run of letters and digits, in lower case and without accents.
type word struct {
	text   string
	before link // what stands between it and the word before
	number bool
	unit   string // of a number: what it counts, in the one way of units
	spoken string // the unit as it stands, when that is a word of its own
	loose  bool   // the unit may be the preposition "in"
}

// longestWord is how many bytes of a word count.
const longestWord = 60

// split cuts a folded text into at most so many words.
func split(text string, most int) []word { return appendWords(nil, text, most) }

func appendWords(words []word, text string, most int) []word {
	for at := 0; at < len(text) && len(words) < most; {
		start, before := skip(text, at)
		if start == len(text) {
			break
		}
		if at == 0 {
			before = apart
		}
		end := run(text, start)
		w := word{text: strings.ReplaceAll(strings.TrimSuffix(text[start:end], "'s"), "'", ""), before: before}
		w, at = measured(w, text, end)
		if len(w.text) > longestWord {
			w.text = strings.ToValidUTF8(w.text[:longestWord], "")
		}
		if w.text != "" {
			words = append(words, w)
		}
	}
	return words
}

// skip is where the next word begins and what lies between.
func skip(text string, at int) (int, link) {
	between, hyphens := space, 0
	for i := at; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if hyphens == 1 && i == at+1 {
				between = tight
			} else if hyphens > 0 {
				between = apart
			}
			return i, between
		case strings.ContainsRune("-/._+&", r):
			hyphens++
		case !unicode.IsSpace(r):
			between = apart
		}
		i += size
	}
	return len(text), apart
}

// run is where the word ends that begins here. A number keeps its decimals
// and a word its apostrophe.
func run(text string, start int) int {
	digits := true
	for i := start; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsDigit(r):
		case unicode.IsLetter(r):
			digits = false
		case r == '\'' && !digits && i+1 < len(text) && isLetter(text[i+1:]):
		case r == '.' && digits && isDigit(text, i+1):
		case r == ',' && digits && isDigit(text, i+1):
		default:
			return i
		}
		i += size
	}
	return len(text)
}

func isLetter(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r)
}

func isDigit(text string, at int) bool { return at < len(text) && text[at] >= '0' && text[at] <= '9' }

// measured recognizes a number and the unit behind it, and tells where the
// text goes on.
func measured(w word, text string, end int) (word, int) {
	digits := strings.IndexFunc(w.text, func(r rune) bool { return !strings.ContainsRune("0123456789.,", r) })
	if digits == 0 {
		return w, end
	}
	if digits > 0 { // 4gb
		number, rest := w.text[:digits], w.text[digits:]
		if unit, known := units[rest]; known {
			w.text, w.number, w.unit = plainNumber(number), true, unit
			return w, end
		}
		w.text = strings.ReplaceAll(w.text, ",", "")
		return w, end
	}
	w.text, w.number = plainNumber(w.text), true
	if end == len(text) {
		return w, end
	}
	if after := text[end:]; after[0] == '"' || strings.HasPrefix(after, "''") {
		w.unit = "in"
		return w, end + 1
	} else if after[0] == '\'' && (len(after) == 1 || !isLetter(after[1:])) {
		w.unit = "ft"
		return w, end + 1
	}
	start, before := skip(text, end)
	if before == apart || start == len(text) {
		return w, end
	}
	stop := run(text, start)
	if unit, known := units[text[start:stop]]; known {
		w.unit, w.spoken, w.loose = unit, text[start:stop], text[start:stop] == "in" && before == space
		return w, stop
	}
	return w, end
}

// plainNumber writes 1,000 as 1000, 2,5 and 2.50 as 2.5.
func plainNumber(n string) string {
	if comma := strings.LastIndexByte(n, ','); comma >= 0 {
		if len(n)-comma == 4 || strings.Count(n, ",") > 1 {
			n = strings.ReplaceAll(n, ",", "")
		} else {
			n = strings.Replace(n, ",", ".", 1)
		}
	}
	if strings.Count(n, ".") == 1 {
		n = strings.TrimRight(strings.TrimRight(n, "0"), ".")
	}
	return n
}

// whole is the number before its decimals.
func whole(n string) string {
	before, _, _ := strings.Cut(n, ".")
	return before
}
