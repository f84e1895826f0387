package web

import (
	"context"
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	// KeepFor is how old a kept answer may be when it is sent, counted from before
	// what it says was read: a second, less what sending may take.
	KeepFor = 900 * time.Millisecond
	// oftenAsked is how many times an answer is sent before it is read anew in good
	// time, so that nobody waits when it is too old.
	oftenAsked = 8
	shards     = 8
)

// cache keeps answers to public GETs, which are the same for everybody, for less
// than a second: a key that many ask for is read once meanwhile. What a caller
// with a token asks for never touches it.
type cache struct {
	next     http.Handler
	compress func(http.Handler) http.HandlerFunc
	admit    func() bool
	keepFor  time.Duration
	sending  time.Duration // how long it may take
	seed     maphash.Seed
	shards   [shards]shard
	zippers  sync.Pool
	asked    asked
}

// shard holds two generations of slots. The older one goes, with all that nobody
// asked for since, when the younger one has grown to its limit.
type shard struct {
	mu         sync.Mutex
	young, old map[string]*slot
	size       int
	limit      int
}

// slot is the place of one key.
type slot struct {
	key    string
	size   int // as its shard counts it
	answer atomic.Pointer[answer]
	mu     sync.Mutex
	flight *flight
}

// flight is one reading of an answer, which others may wait for.
type flight struct {
	began time.Time
	done  chan struct{}
}

// newCache puts a cache before next, whose answers compress compresses: what is
// kept is compressed once.
func newCache(next http.Handler, compress func(http.Handler) http.HandlerFunc, e Edge, admit func() bool) *cache {
	c := &cache{next: next, compress: compress, admit: admit, keepFor: e.KeepFor, sending: e.sending(), seed: maphash.MakeSeed()}
	if c.keepFor == 0 {
		c.keepFor = KeepFor
	}
	c.zippers.New = func() any { return gzip.NewWriter(nil) }
	for i := range c.shards {
		c.shards[i] = shard{young: map[string]*slot{}, old: map[string]*slot{}, limit: e.CacheBytes / shards / 2}
	}
	return c
}

func (c *cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !forEverybody(r) {
		c.compress(c.next)(w, r)
		return
	}
	s := c.slot(r.RequestURI)
	if a := s.answer.Load(); c.fresh(a) {
		if a.asked.Add(1) > oftenAsked && time.Since(a.began) > c.keepFor/2 {
			c.renew(s, r)
		}
		c.asked.hits.Add(1)
		c.give(w, r, a)
		return
	}
	f, mine := s.join(c.keepFor)
	if mine {
		c.asked.misses.Add(1)
		c.compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.lead(w, r, s, f) }))(w, r)
		return
	}
	select {
	case <-f.done:
	case <-r.Context().Done():
	}
	if a := s.answer.Load(); c.fresh(a) {
		c.asked.shared.Add(1)
		c.give(w, r, a)
		return
	}
	c.asked.misses.Add(1)
	c.compress(c.next)(w, r)
}

// forEverybody says that the answer depends on the address alone.
func forEverybody(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	h := r.Header
	return h["Authorization"] == nil && r.Body == http.NoBody && strings.HasPrefix(r.RequestURI, "/") &&
		takesJSON(h["Accept"]) && storable(strings.Join(h["If-None-Match"], ""))
}

// takesJSON knows at once what browsers and clients usually send.
func takesJSON(accept []string) bool {
	if len(accept) == 0 || len(accept) == 1 && (accept[0] == "*/*" || accept[0] == "application/json") {
		return true
	}
	return accepts(accept, []string{"application/json"})
}

func (c *cache) slot(key string) *slot {
	sh := &c.shards[maphash.String(c.seed, key)%shards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s := sh.young[key]; s != nil {
		return s
	}
	s := sh.old[key]
	if s == nil {
		s = &slot{key: strings.Clone(key), size: 2*len(key) + 256}
	}
	sh.add(s)
	return s
}

func (sh *shard) add(s *slot) {
	sh.young[s.key] = s
	sh.size += s.size
	if sh.size > sh.limit {
		sh.young, sh.old, sh.size = map[string]*slot{}, sh.young, 0
	}
}

// keep puts an answer into its place, unless a newer one is there.
func (c *cache) keep(s *slot, a *answer) {
	sh := &c.shards[maphash.String(c.seed, s.key)%shards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if there := s.answer.Load(); there != nil && there.began.After(a.began) {
		return
	}
	if a.size() > sh.limit/2 {
		s.answer.Store(nil)
		return
	}
	s.answer.Store(a)
	if sh.young[s.key] == s {
		sh.size -= s.size
	}
	s.size = 2*len(s.key) + 256 + a.size()
	sh.add(s)
}

// join takes part in a reading that is under way, or begins one. One that has
// gone on for too long is not waited for: what it reads may be too old.
func (s *slot) join(keepFor time.Duration) (f *flight, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil && time.Since(s.flight.began) < keepFor {
		return s.flight, false
	}
	s.flight = &flight{began: time.Now(), done: make(chan struct{})}
	return s.flight, true
}

func (s *slot) land(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == f {
		s.flight = nil
	}
	close(f.done)
}

// lead reads the answer for its caller and for those who wait, and goes on when
// its own caller leaves.
func (c *cache) lead(w http.ResponseWriter, r *http.Request, s *slot, f *flight) {
	if a := c.read(w, plain(context.WithoutCancel(r.Context()), r), s, f); a != nil {
		c.send(w, r, a)
	}
}

// read answers to w what is not to be kept, and returns what is.
func (c *cache) read(w http.ResponseWriter, r *http.Request, s *slot, f *flight) *answer {
	defer s.land(f)
	k := &keeper{w: w, header: http.Header{}}
	c.next.ServeHTTP(k, r)
	a := k.answer(r.Context(), f.began)
	if a != nil {
		c.keep(s, a)
	}
	return a
}

// renew reads an answer anew while the present one is sent.
func (c *cache) renew(s *slot, r *http.Request) {
	f, mine := s.join(c.keepFor)
	if !mine {
		return
	}
	ctx := context.WithValue(context.WithoutCancel(r.Context()), stateKey{}, &requestState{id: newID(), admitted: true})
	again := plain(ctx, r)
	go func() {
		defer func() { _ = recover() }() // of http.ErrAbortHandler; all else is answered
		c.read(nowhere{}, again, s, f)
	}()
}

// plain asks for the whole answer as it is.
func plain(ctx context.Context, r *http.Request) *http.Request {
	again := r.WithContext(ctx)
	again.Method = http.MethodGet
	again.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		switch name {
		case "If-None-Match", "Accept-Encoding", "Range":
		default:
			again.Header[name] = values
		}
	}
	return again
}
