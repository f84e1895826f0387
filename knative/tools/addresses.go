package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/mallhive/product-service/knative/local/client"
)

// addresses is where the stack listens and the token given, if any.
type addresses struct {
	front, broker, sinks, issuer, token string
}

func addressesFrom(env func(string) string) addresses {
	local := func(url, port, usual, path string) string {
		return cmp.Or(env(url), "http://localhost:"+cmp.Or(env(port), usual)+path)
	}
	return addresses{
		front:  local("FRONT_URL", "PORT_FRONT", "8080", ""),
		broker: local("BROKER_URL", "PORT_BROKER", "8090", "/product-service/default"),
		sinks:  local("SINKS_URL", "PORT_SINKS", "8091", ""),
		issuer: local("ISSUER_URL", "PORT_ISSUER", "8084", ""),
		token:  env("TOKEN"),
	}
}

// tokenFor is the token given, or one from the local issuer with these scopes.
func (a addresses) tokenFor(ctx context.Context, scopes ...string) (string, error) {
	if a.token != "" {
		return a.token, nil
	}
	token, err := client.Mint(ctx, a.issuer, scopes...)
	if err != nil {
		return "", fmt.Errorf("%w\n(is the stack running? make run starts it; TOKEN=… brings a token of your own)", err)
	}
	return token, nil
}
