package service_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/gate"
	"github.com/mallhive/product-service/shared/postgres/testdb"
	"github.com/mallhive/product-service/shared/secret/secrettest"
	"github.com/mallhive/product-service/shared/service"
)

func TestALoginThatFailsIs503WithItsCauseInTheLogAndNoSecretAnywhere(t *testing.T) {
	secrets := secrettest.Start(t)
	db := testdb.New(t)
	for name, c := range map[string]struct {
		host, password, fault string
		otherCA               bool
		says                  string
	}{
		"wrong password":     {host: "localhost", password: "hunter2-wrong", says: "28P01"},
		"another authority":  {host: "localhost", password: "hunter2", otherCA: true, says: "certificate signed by unknown authority"},
		"another host":       {host: "127.0.0.1", password: "hunter2", says: "127.0.0.1"},
		"throttled":          {host: "localhost", password: "hunter2", fault: "ThrottlingException", says: "ThrottlingException"},
		"no such secret":     {host: "localhost", password: "hunter2", fault: "ResourceNotFoundException", says: "ResourceNotFoundException"},
		"nothing is wrong":   {host: "localhost", password: "hunter2"},
		"nothing is wrong 2": {host: "localhost", password: "hunter2 @:/?#%'\"\\"},
	} {
		g := gate.Open(t, db.URL("catalog"))
		right := c.password
		if c.says == "28P01" {
			right = "another"
		}
		g.Allow("maria", right)
		secrets.Fail(c.fault)
		secrets.Set(g.Secret(t, c.host, "maria", c.password))
		cfg := service.Config{DatabaseSecretID: "product-service/catalog", DatabaseCAFile: g.CAFile}
		if c.otherCA {
			cfg.DatabaseCAFile = gate.OtherCA(t)
		}
		s := bounded(t, cfg, nil)
		a := s.Do(t, http.MethodGet, "/v1/slow", nil)
		status := s.Do(t, http.MethodGet, "/statusz", nil, s.Bearer(t, "events:admin"))
		require.Equal(t, 200, status.Status)
		if c.says == "" {
			require.Equal(t, 200, a.Status, "%s: %s", name, a.Body)
		} else {
			require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s: %s", name, a.Body)
			require.NotEmpty(t, a.Header.Get("Retry-After"))
			require.NotContains(t, string(a.Body), c.says)
		}
		s.Stop()
		log := ""
		for _, line := range s.Logs.All() {
			log += line.Message + fmt.Sprint(line.ContextMap())
		}
		require.Contains(t, log, c.says, name)
		for _, text := range []string{log, string(a.Body), string(status.Body)} {
			require.NotContains(t, text, "hunter2", name)
		}
	}
}
