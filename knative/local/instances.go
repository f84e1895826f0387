package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/mallhive/product-service/knative/local/internal/balance"
	"github.com/mallhive/product-service/knative/local/internal/pgserver"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// instance is one process of a function.
type instance struct {
	name     string // the function's, with a number where there are several
	function manifest.Function
	port     int
}

// planInstances says what runs where. A function of several instances has a
// balancer on its port, and they have any that are free.
func (s *stack) planInstances(ctx context.Context) error {
	for _, f := range s.manifest.Functions {
		port := s.settings.ports.function[f.Name]
		if f.Name != "inventory" || s.settings.instances <= 1 {
			s.instances = append(s.instances, instance{f.Name, f, port})
			continue
		}
		var hosts []string
		for n := range s.settings.instances {
			free, err := pgserver.FreePort(ctx)
			if err != nil {
				return fmt.Errorf("a port for instance %d of %s: %w", n+1, f.Name, err)
			}
			s.instances = append(s.instances, instance{f.Name + "-" + strconv.Itoa(n+1), f, free})
			hosts = append(hosts, "localhost:"+strconv.Itoa(free))
		}
		s.balancer = balance.New(hosts...)
		server, err := s.serve(ctx, port, s.balancer)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, server)
	}
	return nil
}

// shares is how the balancer's requests fell on the instances of inventory;
// none without a balancer.
func (s *stack) shares() []balance.Share {
	if s.balancer == nil {
		return []balance.Share{}
	}
	return s.balancer.Shares()
}
