// Package frontdoor stands for the load balancer: one address that forwards by
// path, from the same table as the ingress, and knows nothing else.
package frontdoor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/mallhive/product-service/knative/local/manifest"
)

// New makes the handler. local gives the address here of a cluster host.
func New(routes []manifest.Route, local func(url string) (string, error)) (http.Handler, error) {
	proxies := map[string]*httputil.ReverseProxy{}
	transport := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true}
	for _, route := range routes {
		if proxies[route.Host] != nil {
			continue
		}
		address, err := local("http://" + route.Host)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", route.Path, err)
		}
		target, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", route.Path, err)
		}
		proxies[route.Host] = proxy(target, route.Host, transport)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, route := range routes {
			if route.Matches(r.URL.EscapedPath()) {
				// Without it the rest of a streamed body is dropped at the first flush.
				_ = http.NewResponseController(w).EnableFullDuplex()
				proxies[route.Host].ServeHTTP(w, r)
				return
			}
		}
		problem(w, http.StatusNotFound, "not_found", "no route leads there")
	}), nil
}

func proxy(target *url.URL, host string, transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
			r.Out.Header.Del("X-Forwarded-Host") // the load balancer adds none
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				return
			}
			problem(w, http.StatusBadGateway, "bad_gateway", "the function does not answer")
		},
	}
}

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	})
}
