package search

import (
	"strings"
	"sync"
)

// mostStems bounds what is remembered, to some megabytes.
const mostStems = 50_000

// Stems remembers the stems of words from one write to the next: nearly every
// word of a product has stood in others. It may be used by many at once; a nil
// one remembers nothing.
type Stems struct {
	mu    sync.Mutex
	known map[string]string
}

func (s *Stems) stem(word string) string {
	if s == nil {
		return stem(word)
	}
	s.mu.Lock()
	known, is := s.known[word]
	s.mu.Unlock()
	if is {
		return known
	}
	// Copies: a word is a part of its text, which is not to be kept for it.
	word = strings.Clone(word)
	made := strings.Clone(stem(word))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= mostStems || s.known == nil {
		s.known = map[string]string{}
	}
	s.known[word] = made
	return made
}

// stemmer remembers what one write has stemmed, without a lock.
type stemmer struct {
	own    map[string]string
	shared *Stems
}

func (m stemmer) stem(word string) string {
	if !letters(word) {
		return stem(word) // at once, and few stand twice
	}
	s, known := m.own[word]
	if !known {
		s = m.shared.stem(word)
		if m.own != nil {
			m.own[word] = s
		}
	}
	return s
}
