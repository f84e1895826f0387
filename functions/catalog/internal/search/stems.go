package search

import (
	"strings"
	"sync"
)

// mostStems bounds what one stemmer remembers, to some megabytes.
const mostStems = 25_000

// stemmer remembers what it has stemmed: nearly every word of a product has
// stood in others. A nil one remembers nothing.
type stemmer map[string]string

func (m stemmer) stem(word string) string {
	if m == nil || !letters(word) {
		return stem(word) // at once, and few stand twice
	}
	s, known := m[word]
	if !known {
		// Copies: a word is a part of its text, which is not to be kept for it.
		s = strings.Clone(stem(word))
		m[strings.Clone(word)] = s
	}
	return s
}

// Stems lends what was stemmed to one write after the other. It may be used by
// many at once, each of which has its own; a nil one keeps nothing.
type Stems struct {
	mu   sync.Mutex
	idle []stemmer
}

func (s *Stems) borrow() stemmer {
	if s == nil {
		return stemmer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.idle) - 1
	if last < 0 {
		return stemmer{}
	}
	m := s.idle[last]
	s.idle = s.idle[:last]
	return m
}

// mostIdle is how many write at a time as a rule.
const mostIdle = 2

func (s *Stems) giveBack(m stemmer) {
	if s == nil || len(m) > mostStems {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) < mostIdle {
		s.idle = append(s.idle, m)
	}
}
