// Package balance shares requests out over the instances of a function, one
// after the other, as the activator does: one that cannot be reached is passed
// over, and what one has taken it answers or nobody does.
package balance

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// Balancer is in front of some instances.
type Balancer struct {
	instances []*instance
	next      atomic.Uint64
	transport http.RoundTripper
	proxy     *httputil.ReverseProxy
}

type instance struct {
	host string
	took atomic.Int64
}

// Share is how many requests an instance took.
type Share struct {
	Address  string `json:"address"`
	Requests int64  `json:"requests"`
}

// New makes a balancer of instances by the addresses, such as localhost:8082,
// where they listen, or will.
func New(hosts ...string) *Balancer {
	b := &Balancer{transport: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true}}
	for _, host := range hosts {
		b.instances = append(b.instances, &instance{host: host})
	}
	b.proxy = &httputil.ReverseProxy{
		Transport: roundTripper(b.send), FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: r.In.Host})
			r.Out.Host = r.In.Host
			for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} { // who came before has set them
				r.Out.Header[name] = r.In.Header[name]
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return b
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// ServeHTTP hands the request to the next instance.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex() // for imports, which answer while they read
	b.proxy.ServeHTTP(w, r)
}

// send tries one after the other until one takes the connection: what was sent
// on it is sent once.
func (b *Balancer) send(r *http.Request) (*http.Response, error) {
	first := b.next.Add(1)
	var last error
	for i := range uint64(len(b.instances)) {
		to := b.instances[(first+i)%uint64(len(b.instances))]
		try := r.Clone(r.Context())
		try.URL.Host = to.host
		if r.Body != nil && r.Body != http.NoBody {
			try.Body = io.NopCloser(r.Body) // a failed try closes it
		}
		response, err := b.transport.RoundTrip(try)
		if err == nil || !unreached(err) {
			to.took.Add(1)
			return response, err
		}
		last = err
	}
	return nil, last
}

func unreached(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial"
}

// Shares are how many requests each instance took.
func (b *Balancer) Shares() []Share {
	shares := make([]Share, len(b.instances))
	for i, in := range b.instances {
		shares[i] = Share{Address: in.host, Requests: in.took.Load()}
	}
	return shares
}
