package service

import (
	"context"
	"encoding/json"
	"net/http"
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
	s.API.Mount("GET /healthz", ok)
	s.API.Mount("GET /readyz", ok)
	s.API.Handle(huma.Operation{
		OperationID: "status", Method: http.MethodGet, Path: "/statusz",
		Summary: "What this instance is and what it reaches", Tags: []string{"operations"},
		Security: web.Scope("events:admin"),
	}, http.HandlerFunc(s.status))
}

type reach struct {
	Reached bool    `json:"reached"`
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"`
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
	_ = json.NewEncoder(w).Encode(map[string]any{
		"function": s.Name, "revision": s.config.Revision, "go": build.GoVersion,
		"database": database, "sink_configured": s.config.Sink != "",
		"connections": map[string]int32{"open": stat.TotalConns(), "busy": stat.AcquiredConns(), "max": stat.MaxConns()},
	})
}
