package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mallhive/product-service/knative/local/manifest"
)

// settings is what the environment says about this machine.
type settings struct {
	root        string // the repository
	dir         string // everything the stack keeps
	databaseURL string // of a server that is not ours
	repository  string // where PostgreSQL is downloaded from
	backoff     float64
	copies      span // of each event
	instances   int  // of inventory
	ports       ports
}

type ports struct {
	front, issuer, broker, sinks, postgres int
	function                               map[string]int
}

func readSettings(getenv func(string) string) (settings, error) {
	var firstErr, err error
	number := func(name string, usual, most int) int {
		text := getenv(name)
		if text == "" {
			return usual
		}
		n, err := strconv.Atoi(text)
		if (err != nil || n < 1 || n > most) && firstErr == nil {
			firstErr = fmt.Errorf("%s takes a number from 1 to %d, not %q", name, most, text)
		}
		return n
	}
	const port = 65535
	s := settings{root: ".", databaseURL: getenv("DATABASE_URL"), repository: getenv("POSTGRES_REPOSITORY"), backoff: 0.1}
	s.ports = ports{
		front: number("PORT_FRONT", 8080, port), issuer: number("PORT_ISSUER", 8084, port),
		broker: number("PORT_BROKER", 8090, port), sinks: number("PORT_SINKS", 8091, port),
		postgres: number("PORT_POSTGRES", 5433, port),
		function: map[string]int{
			"catalog": number("PORT_CATALOG", 8081, port), "inventory": number("PORT_INVENTORY", 8082, port),
			"events": number("PORT_EVENTS", 8083, port),
		},
	}
	if s.copies, err = readSpan(getenv("BROKER_COPIES")); err != nil && firstErr == nil {
		firstErr = err
	}
	s.instances = number("INVENTORY_INSTANCES", 1, 16)
	if text := getenv("BROKER_BACKOFF"); text != "" {
		f, err := strconv.ParseFloat(text, 64)
		if (err != nil || f <= 0) && firstErr == nil {
			firstErr = fmt.Errorf("BROKER_BACKOFF takes a factor such as 0.1, not %q", text)
		}
		s.backoff = f
	}
	dir := getenv("LOCAL_DIR")
	if dir == "" {
		dir = ".local"
	}
	if s.dir, err = filepath.Abs(dir); err != nil {
		return s, err
	}
	if u, err := url.Parse(s.databaseURL); s.databaseURL != "" && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql") && firstErr == nil {
		// The value may hold a password and is not repeated.
		firstErr = errors.New("DATABASE_URL takes a URL such as postgres://user:password@host:5432/database")
	}
	return s, firstErr
}

// span is a number, or from one to another: 3 or 1-5.
type span struct{ from, to int }

const mostCopies = 10

func readSpan(text string) (span, error) {
	if text == "" {
		return span{1, 1}, nil
	}
	low, high, ranged := strings.Cut(text, "-")
	if !ranged {
		high = low
	}
	from, err := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	if err != nil || err2 != nil || from < 1 || to < from || to > mostCopies {
		return span{}, fmt.Errorf("BROKER_COPIES takes a number from 1 to %d, or two such as 1-5, not %q", mostCopies, text)
	}
	return span{from, to}, nil
}

func (s settings) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func address(port int) string { return "http://localhost:" + strconv.Itoa(port) }

// named lists the ports with the variable that changes each.
func (s settings) named(ownPostgres bool) map[string]int {
	all := map[string]int{"PORT_FRONT": s.ports.front, "PORT_ISSUER": s.ports.issuer, "PORT_BROKER": s.ports.broker, "PORT_SINKS": s.ports.sinks}
	for name, port := range s.ports.function {
		all["PORT_"+strings.ToUpper(name)] = port
	}
	if ownPostgres {
		all["PORT_POSTGRES"] = s.ports.postgres
	}
	return all
}

// checkPorts finds what is taken before anything is started.
func (s settings) checkPorts(ctx context.Context) error {
	named := s.named(s.databaseURL == "")
	user := map[int]string{}
	for _, variable := range sortedKeys(named) {
		port := named[variable]
		if other := user[port]; other != "" {
			return fmt.Errorf("%s and %s are both %d", other, variable, port)
		}
		user[port] = variable
	}
	var numbers, remedy []string
	for _, variable := range sortedKeys(named) {
		if port := named[variable]; taken(ctx, port) {
			numbers = append(numbers, strconv.Itoa(port))
			remedy = append(remedy, variable+"="+strconv.Itoa(instead(ctx, port, user)))
		}
	}
	switch len(numbers) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("port %s is taken by another program; choose another: %s make run", numbers[0], remedy[0])
	}
	return fmt.Errorf("ports %s are taken by other programs; choose others: %s make run", strings.Join(numbers, ", "), strings.Join(remedy, " "))
}

// instead finds a free port that reminds of the one that is taken.
func instead(ctx context.Context, port int, user map[int]string) int {
	for candidate := 10000 + port%10000; candidate < 60000; candidate += 1000 {
		if user[candidate] == "" && !taken(ctx, candidate) {
			user[candidate] = "suggested"
			return candidate
		}
	}
	return 10000 + port%50000
}

func taken(ctx context.Context, port int) bool {
	where := "localhost:" + strconv.Itoa(port)
	// Some systems let two programs listen, one on all addresses, one on this.
	if conn, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).DialContext(ctx, "tcp", where); err == nil {
		_ = conn.Close()
		return true
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", where)
	if err != nil {
		return true
	}
	return listener.Close() != nil
}

// localAddress gives the address here of one in the cluster.
func (s settings) localAddress(stack *manifest.Stack) func(string) (string, error) {
	hosts := map[string]string{
		"broker-ingress.knative-eventing.svc.cluster.local": address(s.ports.broker),
	}
	for _, f := range stack.Functions {
		hosts[f.Host()] = address(s.ports.function[f.Name])
	}
	for _, name := range neighbours() {
		hosts[name+"-service."+name+".svc.cluster.local"] = address(s.ports.sinks) + "/" + name
	}
	return func(text string) (string, error) {
		u, err := url.Parse(text)
		if err != nil {
			return "", fmt.Errorf("address %q: %w", text, err)
		}
		base, ok := hosts[u.Host]
		if !ok {
			return "", fmt.Errorf("nothing on this machine stands for %s", u.Host)
		}
		return base + u.Path, nil
	}
}

// neighbours are the services that stand-ins stand for.
func neighbours() []string { return []string{"analytics", "order", "recommendation"} }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
