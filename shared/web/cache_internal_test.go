package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// held is how many bytes the bodies have that a cache holds.
func (c *cache) held() (bytes, slots int) {
	for i := range c.shards {
		for _, generation := range []map[string]*slot{c.shards[i].young, c.shards[i].old} {
			slots += len(generation)
			for _, s := range generation {
				if a := s.answer.Load(); a != nil {
					bytes += len(a.body)
				}
			}
		}
	}
	return bytes, slots
}

func plainly(h http.Handler) http.HandlerFunc { return h.ServeHTTP }

func TestWhatIsKeptIsBoundedInBytesAndWhatIsAskedForStays(t *testing.T) {
	t.Parallel()
	reads := map[string]int{}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads[r.URL.Path]++
		w.Header().Set("Cache-Control", PublicCache)
		_, _ = w.Write([]byte(strings.Repeat("x", 4000)))
	})
	const limit = 1 << 20
	c := newCache(next, plainly, Edge{CacheBytes: limit, KeepFor: time.Hour}, func() bool { return true })
	for i := range 5000 {
		for _, path := range []string{"/hot", fmt.Sprintf("/cold/%d", i), fmt.Sprintf("/private/%d", i)} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			if strings.HasPrefix(path, "/private") {
				r.Header.Set("Authorization", "Bearer x")
			}
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			require.Equal(t, 4000, w.Body.Len())
		}
	}
	bytes, slots := c.held()
	require.Less(t, bytes, limit)
	require.Less(t, slots, limit/4000)
	require.Equal(t, 1, reads["/hot"], "however much else comes and goes")
	require.Equal(t, 1, reads["/cold/4999"])
}

func TestAnAnswerTooLargeToKeepIsStillGiven(t *testing.T) {
	t.Parallel()
	reads := 0
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reads++
		w.Header().Set("Cache-Control", PublicCache)
		_, _ = w.Write(make([]byte, 1<<20))
	})
	c := newCache(next, plainly, Edge{CacheBytes: 1 << 20, KeepFor: time.Hour}, func() bool { return true })
	for range 2 {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/large", nil))
		require.Equal(t, 1<<20, w.Body.Len())
	}
	require.Equal(t, 2, reads)
	bytes, _ := c.held()
	require.Zero(t, bytes)
}

// age makes what is kept under a path older, as if time had passed.
func (c *cache) age(path string, by time.Duration) {
	s := c.slot(path)
	was := s.answer.Load()
	old := &answer{began: was.began.Add(-by), status: was.status, header: was.header, body: was.body, route: was.route}
	old.asked.Store(was.asked.Load())
	s.answer.Store(old)
}

func TestWhatManyAskForIsReadAnewBeforeItIsTooOldAndNobodyWaits(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	again, release := make(chan struct{}), make(chan struct{})
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := reads.Add(1)
		if n == 2 {
			close(again)
			<-release
		}
		w.Header().Set("Cache-Control", PublicCache)
		_, _ = fmt.Fprint(w, n)
	})
	c := newCache(next, plainly, Edge{CacheBytes: 1 << 20, KeepFor: time.Hour}, func() bool { return true })
	get := func() string {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/a", nil))
		return w.Body.String()
	}
	for range oftenAsked + 1 {
		require.Equal(t, "1", get())
	}
	c.age("/a", 40*time.Minute)
	require.Equal(t, "1", get(), "answered with what is there")
	<-again
	require.Equal(t, "1", get(), "still, while it is read anew, once")
	close(release)
	require.Eventually(t, func() bool { return get() == "2" }, 5*time.Second, time.Millisecond)
	c.age("/a", time.Hour)
	require.Equal(t, "3", get(), "what is too old is not sent")
}
