// Package pgserver runs a PostgreSQL server for one machine: an installed one
// if there is one, else a downloaded one. PostgreSQL refuses to run as root;
// started by root, the server runs as an unprivileged user.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Database is the name of the one database.
const Database = "product_service"

const (
	superuser    = "postgres"
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
)

// Options of a server.
type Options struct {
	Dir        string // keeps data, password, log and what was downloaded
	Port       int
	Throwaway  bool   // data need not survive a crash: for tests
	Large      bool   // it has as much of the machine's memory as RDS gives a server, for measurements
	Durable    bool   // of WithThrowaway: what is committed survives a crash, for measurements
	Repository string // where a server is downloaded from; empty is the library's default
	Program    string // this program, which is run again for the download
	Say        func(format string, args ...any)

	machine *layout // where servers are looked for; nil is this machine
	keep    string  // where a downloaded server is kept; empty is Dir
}

// Server is a running server.
type Server struct {
	DataDir  string // where the data really is
	Fresh    bool   // the data folder was made by this start
	Version  string
	Programs string // the folder of its programs

	command  *exec.Cmd
	exited   chan struct{}
	exitErr  error
	password string
	port     int
	log      string
	logStart int64 // where this start's lines begin
}

// Start makes the data folder when there is none and starts the server on
// loopback. It returns when the server takes connections.
func Start(ctx context.Context, o Options) (*Server, error) {
	who, err := runAs(o.Dir)
	if err != nil {
		return nil, err
	}
	if who.dir != o.Dir {
		o.Say("PostgreSQL runs as the user %s, who cannot enter %s: the data is in %s", who.name, o.Dir, who.dir)
	}
	if o.machine == nil {
		o.machine = thisMachine()
	}
	bin, err := binaries(ctx, o, who)
	if err != nil {
		return nil, err
	}
	s := &Server{DataDir: filepath.Join(who.dir, "data"), Version: bin.version, Programs: bin.bin, port: o.Port,
		log: filepath.Join(o.Dir, "log", "postgres.log"), exited: make(chan struct{})}
	if s.password, err = password(filepath.Join(who.dir, "password")); err != nil {
		return nil, err
	}
	if err := s.ensureData(ctx, bin, who, o.Throwaway); err != nil {
		return nil, err
	}
	if err := s.launch(bin, who, o); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

// URL is the administrator's connection string.
func (s *Server) URL() string {
	return connectionURL(s.password, s.port, Database)
}

// Exited is closed when the server is gone, asked to or not.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Pid of the server.
func (s *Server) Pid() int { return s.command.Process.Pid }

// LastWords are the last lines that this start wrote into the server's log,
// those alone that tell of a failure if there are such.
func (s *Server) LastWords() string {
	text, err := os.ReadFile(s.log)
	if err != nil || int64(len(text)) < s.logStart {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text[s.logStart:])), "\n")
	var grave []string
	for _, line := range lines {
		if strings.Contains(line, "FATAL:") || strings.Contains(line, "PANIC:") {
			grave = append(grave, line)
		}
	}
	if len(grave) > 0 {
		lines = grave
	}
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

func connectionURL(password string, port int, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(superuser, password),
		Host: "localhost:" + strconv.Itoa(port), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

func (s *Server) launch(bin installation, who user, o Options) error {
	if err := os.MkdirAll(filepath.Dir(s.log), 0o755); err != nil {
		return fmt.Errorf("PostgreSQL's log: %w", err)
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("PostgreSQL's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	if info, err := log.Stat(); err == nil {
		s.logStart = info.Size()
	}
	s.command = who.command(bin.program("postgres"), s.arguments(o)...)
	s.command.Stdout, s.command.Stderr = log, log
	if err := s.command.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	go func() {
		s.exitErr = s.command.Wait()
		close(s.exited)
	}()
	return nil
}

func (s *Server) arguments(o Options) []string {
	settings := []string{
		"listen_addresses=localhost", "unix_socket_directories=", "port=" + strconv.Itoa(s.port),
		"max_connections=300", "shared_buffers=" + sharedBuffers(o.Large), "max_wal_size=2GB", "random_page_cost=1.1",
		"log_min_messages=warning", "timezone=UTC", "log_timezone=UTC",
	}
	if o.Throwaway {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	arguments := []string{"-D", s.DataDir}
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	return arguments
}

// ready waits for the first connection, or for the server's end.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.ensureDatabase(ctx)
		if err == nil {
			return nil
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "28P01" {
			return fmt.Errorf("data folder: %s was not made with the password beside it; make clean starts anew", s.DataDir)
		}
		select {
		case <-s.exited:
			return fmt.Errorf("PostgreSQL does not start on %s: %s (whole log: %s; make clean starts anew without the data)",
				s.DataDir, oneLine(s.LastWords()), s.log)
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w (log: %s)", err, s.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) ensureDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, connectionURL(s.password, s.port, "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var there bool
	const exists = `select exists (select from pg_database where datname = $1)`
	if err := conn.QueryRow(ctx, exists, Database).Scan(&there); err != nil || there {
		return err
	}
	_, err = conn.Exec(ctx, "create database "+Database)
	return err
}

// Stop ends the server: open connections are cut, what is committed is kept.
func (s *Server) Stop() error {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = s.command.Process.Signal(signal)
		select {
		case <-s.exited:
			return nil
		case <-time.After(stopTimeout):
		}
	}
	return errors.New("PostgreSQL does not stop")
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " | ") }
