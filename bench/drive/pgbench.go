package drive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// ErrNoPgbench says that PostgreSQL's own driver is not there.
var ErrNoPgbench = errors.New("pgbench is not installed (Debian: apt install postgresql-contrib; elsewhere it is in the bin folder of PostgreSQL): put it on PATH")

// Pgbench is a run of PostgreSQL's own driver with prepared statements.
type Pgbench struct {
	URL       string
	Script    string
	Clients   int
	Span      time.Duration // whole seconds; 0: so many Transactions of each client
	Variables []string      // name=value
	// Transactions and their latencies are of a run by number.
	Transactions int
}

// PgbenchRun is what came of it.
type PgbenchRun struct {
	Window    // Server is not told; Client is pgbench
	Latencies []time.Duration
}

var (
	perSecond = regexp.MustCompile(`tps = ([0-9.]+)`)
	processed = regexp.MustCompile(`actually processed: (\d+)`)
)

// Run runs it; the window has no time for connecting in it.
func (p Pgbench) Run(ctx context.Context) (PgbenchRun, error) {
	var r PgbenchRun
	path, err := exec.LookPath("pgbench")
	if err != nil {
		return r, ErrNoPgbench
	}
	dir, err := os.MkdirTemp("", "product-service-pgbench-")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	script := filepath.Join(dir, "script.sql")
	if err := os.WriteFile(script, []byte(p.Script), 0o600); err != nil {
		return r, err
	}
	command := exec.CommandContext(ctx, path, append(p.arguments(dir), "-f", script, p.URL)...)
	machine := MachineCPU()
	text, err := command.CombinedOutput()
	if err != nil {
		return r, fmt.Errorf("pgbench: %w: %s", err, strings.TrimSpace(string(text)))
	}
	r.Machine, r.Client = MachineCPU()-machine, command.ProcessState.UserTime()+command.ProcessState.SystemTime()
	count, tps := processed.FindSubmatch(text), perSecond.FindSubmatch(text)
	if count == nil || tps == nil {
		return r, fmt.Errorf("pgbench said nothing of tps: %s", text)
	}
	rate, err := strconv.ParseFloat(string(tps[1]), 64)
	if err != nil || rate <= 0 {
		return r, fmt.Errorf("pgbench: tps = %s", tps[1])
	}
	r.Requests, err = strconv.ParseInt(string(count[1]), 10, 64)
	if err != nil {
		return r, err
	}
	r.Elapsed = time.Duration(float64(r.Requests) / rate * float64(time.Second))
	if p.Span == 0 {
		r.Latencies, err = latencies(dir)
	}
	return r, err
}

func (p Pgbench) arguments(dir string) []string {
	args := []string{"-n", "-M", "prepared", "-c", strconv.Itoa(p.Clients), "-j", strconv.Itoa(min(p.Clients, runtime.NumCPU()))}
	if p.Span > 0 {
		args = append(args, "-T", strconv.Itoa(int(p.Span.Seconds())))
	} else {
		args = append(args, "-t", strconv.Itoa(p.Transactions), "-l", "--log-prefix", filepath.Join(dir, "log"))
	}
	for _, v := range p.Variables {
		args = append(args, "-D", v)
	}
	return args
}

// latencies are in the third column of pgbench's logs, in microseconds.
func latencies(dir string) ([]time.Duration, error) {
	names, err := filepath.Glob(filepath.Join(dir, "log.*"))
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	for _, name := range names {
		text, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return nil, err
		}
		for row := range strings.Lines(string(text)) {
			fields := strings.Fields(row)
			if len(fields) < 3 {
				return nil, fmt.Errorf("pgbench's log: %q", row)
			}
			micros, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("pgbench's log: %w", err)
			}
			all = append(all, time.Duration(micros)*time.Microsecond)
		}
	}
	return all, nil
}
