package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/mallhive/product-service/bench/stage"
	"github.com/mallhive/product-service/knative/local/issuer"
)

// theatre is a stage whose server is AWS too.
type theatre struct{ *stage.Stage }

const slug = "cold-start-kettle"

func openTheatre(ctx context.Context, admin string) (*theatre, error) {
	t := &theatre{}
	var err error
	t.Stage, err = stage.Open(ctx, stage.Options{
		Admin: admin, Name: "cold_" + strings.ToLower(rand.Text()[:12]),
		Handle: func(mux *http.ServeMux) {
			mux.HandleFunc("POST /secrets", t.answerSecret)
			mux.HandleFunc("POST /sts", answerRole)
		},
	})
	return t, err
}

// fill writes the product that is asked for, through the API.
func (s *theatre) fill(ctx context.Context, catalog string) error {
	token, err := s.Issuer.Token(issuer.Claims{Scopes: []string{"catalog:write"}})
	if err != nil {
		return err
	}
	p := program{name: "catalog", path: catalog, env: s.Env("catalog", s.Login("catalog")), method: http.MethodGet, target: "/v1/categories"}
	body := `{"slug":"` + slug + `","name":"Kettle","status":"active","options":["size"],"variants":[` +
		`{"sku":"COLD-1","options":{"size":"1 l"},"price":{"amount":1999,"currency":"USD"}},` +
		`{"sku":"COLD-2","options":{"size":"2 l"},"price":{"amount":2999,"currency":"USD"}}]}`
	_, err = p.run(ctx, func(_ *http.Request, session *session, _ *started) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, session.url+"/v1/products", bytes.NewReader([]byte(body)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		return session.ask(req)
	})
	return err
}

// programs are the functions, each with its request; then each with its login
// from Secrets Manager.
func (s *theatre) programs(dir string) (bare program, others []program) {
	bare = program{name: "bare", path: filepath.Join(dir, "bare"), env: []string{"DATABASE_URL=" + s.Login("catalog"), "GOMEMLIMIT=150MiB", "GOGC=400"},
		method: http.MethodGet, target: "/database"}
	asks := map[string]program{
		"catalog":   {method: http.MethodGet, target: "/v1/products/" + slug},
		"inventory": {method: http.MethodPost, target: "/v1/availability", body: `{"currency":"USD","lines":[{"sku":"COLD-1","quantity":1}]}`},
		"events": {method: http.MethodPost, target: "/v1/interactions",
			body: `{"interactions":[{"type":"view","sku":"COLD-1","session_id":"cold","consent":true}]}`},
	}
	for _, function := range stage.Functions() {
		p := asks[function]
		p.name, p.path, p.env = function, filepath.Join(dir, function), s.Env(function, s.Login(function))
		others = append(others, p)
	}
	for _, function := range stage.Functions() {
		p := asks[function]
		p.name, p.path = function+" by secret", filepath.Join(dir, function)
		p.env = append(s.Env(function, ""), s.awsEnv(dir, function)...)
		others = append(others, p)
	}
	return bare, others
}
