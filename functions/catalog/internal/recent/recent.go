// Package recent remembers what was seen lately, in bounded memory.
package recent

import "sync"

// Set holds at least the last so many numbers that were added, and at most
// twice as many. It may be used by many at once.
type Set struct {
	mu         sync.Mutex
	generation int
	now, then  map[uint64]struct{}
}

// New makes a set that holds the last n.
func New(n int) *Set { return &Set{generation: n, now: map[uint64]struct{}{}} }

// Has reports whether the number was added lately.
func (s *Set) Has(n uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, now := s.now[n]
	_, then := s.then[n]
	if then && !now {
		s.add(n) // it is still in use
	}
	return now || then
}

// Add notes numbers.
func (s *Set) Add(numbers ...uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range numbers {
		s.add(n)
	}
}

func (s *Set) add(n uint64) {
	if len(s.now) >= s.generation {
		s.then, s.now = s.now, make(map[uint64]struct{}, s.generation)
	}
	s.now[n] = struct{}{}
}
