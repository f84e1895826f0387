package manifest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Route is one rule of the ingress: a path pattern of the load balancer (*
// stands for any characters, ? for one) and the host it is forwarded to.
type Route struct {
	Path string
	Host string // cluster-local name that the Host header is rewritten to
}

// Matches judges a request's path as the load balancer does: case counts and
// the whole path must fit.
func (r Route) Matches(path string) bool { return wild(r.Path, path) }

func wild(pattern, text string) bool {
	for len(pattern) > 0 {
		switch {
		case pattern[0] == '*':
			for i := 0; i <= len(text); i++ {
				if wild(pattern[1:], text[i:]) {
					return true
				}
			}
			return false
		case text == "" || (pattern[0] != '?' && pattern[0] != text[0]):
			return false
		}
		pattern, text = pattern[1:], text[1:]
	}
	return text == ""
}

func (s *Stack) addRoutes(o object) error {
	var spec struct {
		Rules []struct {
			HTTP struct {
				Paths []struct {
					Path     string `json:"path"`
					PathType string `json:"pathType"`
					Backend  struct {
						Service struct {
							Name string `json:"name"`
						} `json:"service"`
					} `json:"backend"`
				} `json:"paths"`
			} `json:"http"`
		} `json:"rules"`
	}
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return err
	}
	for _, rule := range spec.Rules {
		for _, p := range rule.HTTP.Paths {
			if p.PathType != "ImplementationSpecific" {
				return fmt.Errorf("path %s has pathType %s; only patterns (ImplementationSpecific) are understood", p.Path, p.PathType)
			}
			host, err := rewritten(o.Metadata.Annotations, p.Backend.Service.Name)
			if err != nil {
				return fmt.Errorf("path %s: %w", p.Path, err)
			}
			s.Routes = append(s.Routes, Route{Path: p.Path, Host: strings.TrimSpace(host)})
		}
	}
	return nil
}

// rewritten finds the host that the action's transform puts into the request.
func rewritten(annotations map[string]string, action string) (string, error) {
	text := annotations["alb.ingress.kubernetes.io/transforms."+action]
	var transforms []struct {
		Type   string `json:"type"`
		Config struct {
			Rewrites []struct {
				Replace string `json:"replace"`
			} `json:"rewrites"`
		} `json:"hostHeaderRewriteConfig"`
	}
	if err := json.Unmarshal([]byte(text), &transforms); err != nil {
		return "", fmt.Errorf("transforms.%s: %w", action, err)
	}
	for _, t := range transforms {
		if t.Type == "host-header-rewrite" && len(t.Config.Rewrites) == 1 {
			return t.Config.Rewrites[0].Replace, nil
		}
	}
	return "", fmt.Errorf("transforms.%s rewrites no host", action)
}
