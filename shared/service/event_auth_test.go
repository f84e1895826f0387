package service_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
	"github.com/mallhive/product-service/shared/web"
)

// receiving takes deliveries as EVENT_AUTH says and does nothing with them.
func receiving(t *testing.T, c service.EventConfig) *servicetest.Server {
	t.Helper()
	return servicetest.Start(t, "inventory", new(config), func(_ context.Context, _ *config, s *service.Service) error {
		authorize := s.EventAuth(c)
		s.API.Mount("POST /{$}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := authorize(r); err != nil {
				web.WriteProblem(w, r, err)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		}))
		return nil
	})
}

// deliverer is the Authorization header of somebody who sends an event.
func deliverer(t *testing.T, s, stranger *servicetest.Server, who string) []servicetest.Header {
	t.Helper()
	const ours, trigger = "product-service/inventory", "system:trigger:orders"
	iss, claims := s.Issuer, issuer.Claims{Subject: trigger, Audience: ours}
	switch who {
	case "none":
		return nil
	case "garbage":
		return []servicetest.Header{{Name: "Authorization", Value: "Bearer garbage"}}
	case "user":
		claims = issuer.Claims{Subject: trigger, Scopes: []string{"inventory:lock", "inventory:write"}}
	case "wrong audience":
		claims.Audience = "product-service/events"
	case "expired":
		claims.Life = -time.Minute
	case "another issuer":
		iss = stranger.Issuer
	case "wrong subject":
		claims.Subject = "system:trigger:others"
	case "subject with an ending":
		claims.Subject = trigger + "-2"
	case "subject without its ending":
		claims.Subject = "system:sub"
	case "generated":
		claims.Subject = "system:sub-8f3a"
	}
	token, err := iss.Token(claims)
	require.NoError(t, err)
	return []servicetest.Header{{Name: "Authorization", Value: "Bearer " + token}}
}

func TestWhatDeliversAnEventProvesItIsOurTrigger(t *testing.T) {
	t.Parallel()
	for mode, wants := range map[string]map[string]int{
		"oidc": {
			"none": 401, "garbage": 401, "expired": 401, "user": 401, "wrong audience": 401, "another issuer": 401,
			"wrong subject": 403, "subject with an ending": 403, "subject without its ending": 403, "our trigger": 202, "generated": 202,
		},
		"network": {"none": 202, "garbage": 202, "user": 202, "our trigger": 202},
	} {
		s := receiving(t, service.EventConfig{EventAuth: mode, EventAudience: "product-service/inventory", EventSubjects: []string{"system:trigger:orders", "system:sub-*"}})
		stranger := receiving(t, service.EventConfig{EventAuth: "network"})
		for who, want := range wants {
			a := s.Do(t, http.MethodPost, "/", `{}`, deliverer(t, s, stranger, who)...)
			require.Equal(t, want, a.Status, "%s, %s: %s", mode, who, a.Body)
			if want == 401 {
				require.NotEmpty(t, a.Header.Get("WWW-Authenticate"))
			}
		}
		warned := s.Logs.FilterMessageSnippet("EVENT_AUTH is network").Len()
		require.Equal(t, mode == "network", warned > 0, "network is warned of")
	}
}
