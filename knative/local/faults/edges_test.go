package faults

import (
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	_ "github.com/Shopify/toxiproxy/v2/toxics" // registers the toxics
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/broker"
	"github.com/mallhive/product-service/knative/local/client"
	"github.com/mallhive/product-service/knative/local/internal/balance"
	"github.com/mallhive/product-service/knative/local/internal/frontdoor"
	"github.com/mallhive/product-service/knative/local/internal/standin"
	"github.com/mallhive/product-service/knative/local/issuer"
)

func (w *world) startLink() {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w.link = toxiproxy.NewProxy(server, "postgres", "localhost:0", "localhost:"+strconv.Itoa(w.pgPort))
	require.NoError(w.t, w.link.Start())
	w.t.Cleanup(w.link.Stop)
	w.line = newLine(w.t, w.link.Listen)
}

// startEdges starts issuer, stand-ins, recorder and broker.
func (w *world) startEdges() {
	var err error
	issuerServer := httptest.NewUnstartedServer(nil)
	w.issuer, err = issuer.New("http://" + issuerServer.Listener.Addr().String())
	require.NoError(w.t, err)
	issuerServer.Config.Handler = w.issuer.Handler()
	issuerServer.Start()
	w.t.Cleanup(issuerServer.Close)
	w.token, err = w.issuer.Token(issuer.Claims{Subject: "faults", Life: time.Hour,
		Scopes: []string{"catalog:write", "catalog:read_drafts", "inventory:lock", "inventory:write", "events:admin"}})
	require.NoError(w.t, err)

	neighbours := map[string]*standin.Service{}
	for _, name := range []string{"analytics", "order", "recommendation"} {
		neighbours[name] = standin.New(100_000)
	}
	w.sinksURL = w.serve(httptest.NewServer(standin.Handler(neighbours)))
	var hosts []string
	for _, f := range w.manifest.Functions {
		for _, name := range w.namesOf(f.Name) {
			w.ports[name] = w.freePort()
			if f.Name == "inventory" {
				hosts = append(hosts, "localhost:"+strconv.Itoa(w.ports[name]))
			}
		}
	}
	w.edge = newEdge(balance.New(hosts...))
	w.edgeURL = w.serve(httptest.NewServer(w.edge))
	w.recorder = newRecorder()
	recorderURL := w.serve(httptest.NewServer(w.recorder))
	w.gate = newGate(func() *broker.Broker { return w.makeBroker(recorderURL) })
	w.gateURL = w.serve(httptest.NewServer(w.gate))
	// Deliveries stop before what they are delivered to.
	w.t.Cleanup(func() { w.gate.broker().Close() })
	w.gate.start(nil)
	front, err := frontdoor.New(w.manifest.Routes, w.localAddress)
	require.NoError(w.t, err)
	w.frontURL = w.serve(httptest.NewServer(front))
}

func (w *world) serve(s *httptest.Server) string {
	w.t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// makeBroker has the shipped Triggers, ten times as quick to retry, and one
// more that hands everything to the recorder.
func (w *world) makeBroker(recorderURL string) *broker.Broker {
	var triggers []broker.Trigger
	for _, t := range w.manifest.Triggers {
		runnable, err := t.Runnable(w.localAddress)
		require.NoError(w.t, err)
		triggers = append(triggers, runnable)
	}
	triggers = append(triggers, broker.Trigger{Name: "recorder", Subscriber: broker.Destination{URL: recorderURL}, Delivery: broker.DefaultDelivery()})
	b, err := broker.New(broker.Options{
		Namespace: w.manifest.Broker.Namespace, Name: w.manifest.Broker.Name, Triggers: triggers, BackoffScale: 0.1, CopiesTo: w.copies,
		Token: func(subject, audience string) (string, error) {
			return w.issuer.Token(issuer.Claims{Subject: subject, Audience: audience})
		},
	})
	require.NoError(w.t, err)
	return b
}

// localAddress gives the address here of one in the cluster.
func (w *world) localAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(u.Host, "broker-ingress.") {
		return w.gateURL + u.Path, nil
	}
	for _, f := range w.manifest.Functions {
		switch {
		case u.Host == f.Host() && f.Name == "inventory":
			return w.edgeURL + u.Path, nil
		case u.Host == f.Host():
			return w.functionURL(f.Name) + u.Path, nil
		}
	}
	name, _, _ := strings.Cut(u.Host, "-service.")
	return w.sinksURL + "/" + name + u.Path, nil
}

func (w *world) functionURL(name string) string {
	return "http://localhost:" + strconv.Itoa(w.ports[name])
}

func (w *world) brokerURL() string {
	return w.gateURL + "/" + w.manifest.Broker.Namespace + "/" + w.manifest.Broker.Name
}

// service is a client of the front door.
func (w *world) service() *client.Client { return client.New(w.frontURL, w.token) }
