package main

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
)

// environment is the manifest's, with the addresses and the database of this
// machine, and nothing else of ours but what every program needs.
func (s *stack) environment(in instance, databaseURL string) ([]string, error) {
	f := in.function
	sink, err := s.settings.localAddress(s.manifest)(f.Value("K_SINK"))
	if err != nil {
		return nil, fmt.Errorf("%s: K_SINK: %w", f.Name, err)
	}
	env := map[string]string{}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR", "GODEBUG"} {
		env[name] = os.Getenv(name)
	}
	for _, setting := range os.Environ() {
		if name, value, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "OTEL_") {
			env[name] = value
		}
	}
	for _, v := range f.Env {
		env[v.Name] = v.Value
		if own, set := os.LookupEnv(v.Name); set {
			env[v.Name] = own
		}
	}
	for _, elsewhere := range []string{"DATABASE_SECRET_ID", "DATABASE_CA_FILE", "DATABASE_HOST", "DATABASE_NAME", "AWS_REGION"} {
		delete(env, elsewhere)
	}
	maps.Copy(env, map[string]string{
		"PORT": strconv.Itoa(in.port), "DATABASE_URL": databaseURL, "K_SINK": sink,
		"AUTH_ISSUERS": address(s.settings.ports.issuer), "PUBLIC_BASE_URL": address(s.settings.ports.front),
		"K_SERVICE": f.Name, "K_CONFIGURATION": f.Name, "K_REVISION": f.Name + "-local",
	})
	var list []string
	for _, name := range sortedKeys(env) {
		if env[name] != "" {
			list = append(list, name+"="+env[name])
		}
	}
	return list, nil
}
