package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"go.opentelemetry.io/otel"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/telemetry"
)

// assemble builds a function that does not run and contacts nothing.
func assemble[C interface{ Common() *Config }](name string, cfg C, build func(context.Context, C, *Service) error) (*Service, error) {
	common := cfg.Common()
	common.RequestTimeout = time.Second
	s := &Service{Name: name, Log: zap.NewNop(), config: common, API: newAPI(name, common)}
	var err error
	if s.DB, err = openPool(context.Background(), name, common, &telemetry.Telemetry{}, nil); err != nil {
		return nil, err
	}
	s.health()
	if err := build(context.Background(), cfg, s); err != nil {
		s.DB.Close()
		return nil, err
	}
	return s, nil
}

func document[C interface{ Common() *Config }](w io.Writer, name string, cfg C, build func(context.Context, C, *Service) error) error {
	s, err := assemble(name, cfg, build)
	if err != nil {
		return err
	}
	defer s.DB.Close()
	text, err := json.MarshalIndent(s.API.Published(), "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// metrics prints what the function measures when OTEL_* asks for it.
func metrics[C interface{ Common() *Config }](w io.Writer, name string, cfg C, build func(context.Context, C, *Service) error) error {
	tele, made := telemetry.Listen()
	cfg.Common().CacheBytes = 1
	s, err := assemble(name, cfg, build)
	if err != nil {
		return err
	}
	defer s.DB.Close()
	if err := s.DB.Measure(otel.Meter(postgres.MeterName)); err != nil {
		return err
	}
	if _, err := s.handler(tele); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(table, "METRIC\tKIND\tMEANING"); err != nil {
		return err
	}
	for _, m := range made() {
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", m.Name, m.Kind, m.Description); err != nil {
			return err
		}
	}
	return table.Flush()
}
