package service

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/kelseyhightower/envconfig"
	"go.uber.org/zap/zapcore"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/event"
)

// Config is what every function takes from its environment.
type Config struct {
	Port          int           `envconfig:"PORT" default:"8080" desc:"port to listen on"`
	LogLevel      zapcore.Level `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error; debug has a line for each request"`
	PublicBaseURL string        `envconfig:"PUBLIC_BASE_URL" default:"https://product.internal.mallhive.com" desc:"how callers reach the service; begins dataschema links"`

	DatabaseSecretID string `envconfig:"DATABASE_SECRET_ID" desc:"AWS Secrets Manager secret with username, password, host, port, dbname"`
	DatabaseHost     string `envconfig:"DATABASE_HOST" desc:"host or host:port to connect to, whatever the secret says: RDS Proxy, or a secret that RDS manages, which names none"`
	DatabaseName     string `envconfig:"DATABASE_NAME" desc:"database to connect to, whatever the secret says"`
	DatabaseURL      string `envconfig:"DATABASE_URL" desc:"connection string instead of a secret, for local use"`
	DatabaseMaxConns int32  `envconfig:"DATABASE_MAX_CONNS" default:"8" desc:"connections of one instance at most"`
	DatabaseCAFile   string `envconfig:"DATABASE_CA_FILE" desc:"authorities that the database's certificate is checked against (verify-full)"`

	Sink        string `envconfig:"K_SINK" desc:"where events go (the Broker); unset: they wait in the outbox"`
	CEOverrides string `envconfig:"K_CE_OVERRIDES" desc:"extensions for outgoing events, as SinkBinding gives them"`

	SinkToken string `envconfig:"SINK_TOKEN_FILE" default:"/oidc/token" desc:"token that the sink asks for, where Knative's SinkBinding puts it; no such file: none is sent"`

	AuthIssuers       []string           `envconfig:"AUTH_ISSUERS" desc:"OIDC issuer URLs whose tokens are accepted, separated by commas"`
	AuthAudience      string             `envconfig:"AUTH_AUDIENCE" default:"product-service" desc:"audience that tokens must have"`
	AuthSubjectScopes auth.SubjectScopes `envconfig:"AUTH_SUBJECT_SCOPES" desc:"scopes of subjects without a scope claim: subject=scope scope,subject=scope"`

	CORSAllowedOrigins []string `envconfig:"CORS_ALLOWED_ORIGINS" default:"https://cart.mallhive.com,https://products.mallhive.com,https://homepage.mallhive.com,https://checkout.mallhive.com" desc:"origins of the microfrontends"`
	PublicRateLimit    int      `envconfig:"PUBLIC_RATE_LIMIT" default:"20000" desc:"public requests a second that one instance answers; 0: no limit"`

	CacheBytes int `envconfig:"CACHE_BYTES" default:"16777216" desc:"memory for public answers, which are kept for less than a second; 0: none are"`

	RequestTimeout  time.Duration `envconfig:"REQUEST_TIMEOUT" default:"15s" desc:"how long one request may take"`
	ShutdownTimeout time.Duration `envconfig:"SHUTDOWN_TIMEOUT" default:"8s" desc:"how long requests may take to finish after SIGTERM"`

	Service  string `envconfig:"K_SERVICE" desc:"set by Knative; on every log line"`
	Revision string `envconfig:"K_REVISION" desc:"set by Knative; on every log line"`
}

// SinkOptions are those of a sender to the sink.
func (c *Config) SinkOptions() event.SenderOptions {
	return event.SenderOptions{Sink: c.Sink, Overrides: c.CEOverrides, TokenFile: c.SinkToken, PublicBaseURL: c.PublicBaseURL}
}

// EventConfig is what a function that receives CloudEvents takes besides.
type EventConfig struct {
	EventAuth     string   `envconfig:"EVENT_AUTH" required:"true" desc:"oidc: deliveries carry a token of Knative Eventing; network: they carry none and the network keeps others out"`
	EventAudience string   `envconfig:"EVENT_AUDIENCE" desc:"with oidc: audience of the deliveries' tokens (a Trigger's subscriber.audience)"`
	EventSubjects []string `envconfig:"EVENT_SUBJECTS" desc:"with oidc: subjects of our Triggers, separated by commas; a * at the end of one stands for any ending"`
}

// Common gives Main the part that all functions share.
func (c *Config) Common() *Config { return c }

// Wrong is a variable with a value that cannot be used.
func Wrong(variable, takes string, args ...any) error {
	return fmt.Errorf("%s takes %s", variable, fmt.Sprintf(takes, args...))
}

func (c *Config) check() error {
	if c.Port < 1 || c.Port > 65535 {
		return Wrong("PORT", "a port from 1 to 65535")
	}
	if u, err := url.Parse(c.PublicBaseURL); err != nil || u.Scheme == "" || u.Host == "" {
		return Wrong("PUBLIC_BASE_URL", "an absolute URL such as https://product.internal.mallhive.com")
	}
	if (c.DatabaseSecretID == "") == (c.DatabaseURL == "") {
		return errors.New("DATABASE_SECRET_ID or DATABASE_URL must be set, and only one of them")
	}
	if c.DatabaseMaxConns < 1 || c.DatabaseMaxConns > 1000 {
		return Wrong("DATABASE_MAX_CONNS", "1 to 1000")
	}
	for _, issuer := range c.AuthIssuers {
		if u, err := url.Parse(issuer); err != nil || u.Host == "" {
			return Wrong("AUTH_ISSUERS", "URLs separated by commas")
		}
	}
	if c.PublicRateLimit < 0 {
		return Wrong("PUBLIC_RATE_LIMIT", "0 or more")
	}
	if c.CacheBytes < 0 || c.CacheBytes > 1<<30 {
		return Wrong("CACHE_BYTES", "0 to %d", 1<<30)
	}
	for name, d := range map[string]time.Duration{"REQUEST_TIMEOUT": c.RequestTimeout, "SHUTDOWN_TIMEOUT": c.ShutdownTimeout} {
		if d < 100*time.Millisecond || d > 10*time.Minute {
			return Wrong(name, "a duration from 100ms to 10m")
		}
	}
	return nil
}

// Check finds what cannot be used in an EventConfig.
func (c EventConfig) Check() error {
	switch {
	case c.EventAuth == "network":
		return nil
	case c.EventAuth != "oidc":
		return Wrong("EVENT_AUTH", "oidc or network")
	case c.EventAudience == "":
		return errors.New("EVENT_AUDIENCE must be set when EVENT_AUTH is oidc")
	case len(c.EventSubjects) == 0:
		return errors.New("EVENT_SUBJECTS must be set when EVENT_AUTH is oidc")
	}
	return nil
}

// read fills a configuration from the environment; its error is one line that
// names the variable and what it takes.
func read(cfg interface{ Common() *Config }) error {
	err := envconfig.Process("", cfg)
	var parse *envconfig.ParseError
	if errors.As(err, &parse) {
		// The value stays out: it may be a secret.
		return Wrong(parse.KeyName, "%s", takes(parse))
	}
	if err != nil {
		return err
	}
	if err := cfg.Common().check(); err != nil {
		return err
	}
	if more, ok := cfg.(interface{ Check() error }); ok {
		return more.Check()
	}
	return nil
}

func takes(e *envconfig.ParseError) string {
	switch e.TypeName {
	case "int", "int32", "int64":
		return "a whole number"
	case "time.Duration":
		return "a duration such as 15s or 2m"
	case "bool":
		return "true or false"
	case "zapcore.Level":
		return "debug, info, warn or error"
	case "auth.SubjectScopes":
		return "subject=scope scope,subject=scope"
	}
	return "a " + e.TypeName
}

// Table writes the variables a configuration is read from, for --help and the
// README.
func Table(w io.Writer, cfg any) error {
	const row = "{{range .}}{{usage_key .}}\t{{if usage_required .}}(required) {{end}}{{usage_description .}}" +
		"{{with usage_default .}} [{{.}}]{{end}}\n{{end}}"
	tabs := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if _, err := fmt.Fprintln(tabs, "VARIABLE\tMEANING [DEFAULT]"); err != nil {
		return err
	}
	if err := envconfig.Usagef("", cfg, tabs, row); err != nil {
		return err
	}
	return tabs.Flush()
}
