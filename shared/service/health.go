package service

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap/zapcore"

	"github.com/mallhive/product-service/shared/web"
)

func rfc3339UTC(t time.Time, enc zapcore.PrimitiveArrayEncoder) {
	enc.AppendString(t.UTC().Format(time.RFC3339Nano))
}

func seconds(d time.Duration, enc zapcore.PrimitiveArrayEncoder) { enc.AppendFloat64(d.Seconds()) }

// health mounts what Knative and operators ask. Neither healthz nor readyz
// touches the database: a database that is down must not restart or unroute
// the pods that would answer 503.
func (s *Service) health() {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
	})
	web.Name[status](s.API, "InstanceStatus")
	web.Name[reach](s.API, "DatabaseStatus")
	web.Name[connections](s.API, "PoolStatus")
	s.API.Mount("GET /healthz", ok)
	s.API.Mount("GET /readyz", ok)
	s.API.Handle(huma.Operation{
		OperationID: "status", Method: http.MethodGet, Path: "/statusz",
		Summary: "What this instance is and what it reaches", Tags: []string{"operations"},
		Security: web.Scope("events:admin"),
		Responses: map[string]*huma.Response{"200": {
			Description: "What it is and what it reaches",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: s.API.Document().Components.Schemas.Schema(reflect.TypeFor[status](), true, "")}},
		}},
	}, http.HandlerFunc(s.status))
}

// status is what an instance says of itself.
type status struct {
	Function       string      `json:"function" example:"catalog"`
	Revision       string      `json:"revision" doc:"Of Knative" example:"catalog-00042"`
	Go             string      `json:"go" example:"go1.26.0"`
	Database       reach       `json:"database"`
	SinkConfigured bool        `json:"sink_configured" doc:"Whether events go anywhere; else they wait in the outbox"`
	Connections    connections `json:"connections"`
}

type reach struct {
	Reached bool    `json:"reached"`
	Seconds float64 `json:"seconds" doc:"How long it took" example:"0.004"`
	Detail  string  `json:"detail,omitempty" example:"PostgreSQL 15.8"`
}

type connections struct {
	Open int32 `json:"open" doc:"Connections there are" example:"4"`
	Busy int32 `json:"busy" doc:"Connections in use" example:"1"`
	Max  int32 `json:"max" doc:"Connections there may be" example:"8"`
}

func (s *Service) status(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	start := time.Now()
	var version string
	err := s.DB.QueryRow(ctx, `select current_setting('server_version')`).Scan(&version)
	database := reach{Reached: err == nil, Seconds: time.Since(start).Seconds(), Detail: "PostgreSQL " + version}
	if err != nil {
		database.Detail = "not reached; the log has the cause"
		s.Log.Sugar().Warnw("status: database", "error", err, "request_id", web.RequestID(ctx))
	}
	stat := s.DB.Stat()
	build, _ := debug.ReadBuildInfo()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(status{
		Function: s.Name, Revision: s.config.Revision, Go: build.GoVersion,
		Database: database, SinkConfigured: s.config.Sink != "",
		Connections: connections{Open: stat.TotalConns(), Busy: stat.AcquiredConns(), Max: stat.MaxConns()},
	})
}
