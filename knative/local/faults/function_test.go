package faults

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/process"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// start runs a function and waits until it listens.
func (w *world) start(name string) {
	w.t.Helper()
	for _, f := range w.manifest.Functions {
		if !slices.Contains(w.namesOf(f.Name), name) {
			continue
		}
		p, err := process.Start(name, filepath.Join(w.bin, path.Base(f.Package)), w.environment(f, w.ports[name]), filepath.Join(w.dir, name+".log"))
		require.NoError(w.t, err)
		w.functions[name] = p
	}
	w.eventually(name+" listens", func() bool {
		res, err := (&http.Client{Timeout: time.Second}).Get(w.functionURL(name) + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// namesOf are the instances of a function: the first has its name.
func (w *world) namesOf(function string) []string {
	names := []string{function}
	for n := 2; n <= w.instances[function]; n++ {
		names = append(names, function+"-"+strconv.Itoa(n))
	}
	return names
}

// environment is the manifest's with the addresses of this machine.
func (w *world) environment(f manifest.Function, port int) []string {
	sink, err := w.localAddress(f.Value("K_SINK"))
	require.NoError(w.t, err)
	database := url.URL{Scheme: "postgres", User: url.UserPassword(f.Name+"_app", password),
		Host: w.line.address(), Path: "/product_service", RawQuery: "sslmode=disable"}
	own := map[string]string{
		"PORT": strconv.Itoa(port), "DATABASE_URL": database.String(), "K_SINK": sink,
		"AUTH_ISSUERS": w.issuer.URL, "PUBLIC_BASE_URL": w.frontURL, "K_SERVICE": f.Name,
		"LOG_LEVEL":       "warn",
		"REQUEST_TIMEOUT": requestTimeout.String(), "DATABASE_MAX_CONNS": strconv.Itoa(maxConns),
		"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"),
		"DATABASE_SECRET_ID": "", "DATABASE_CA_FILE": "", "DATABASE_HOST": "", "DATABASE_NAME": "", "AWS_REGION": "",
	}
	for _, v := range f.Env {
		if _, here := own[v.Name]; !here {
			own[v.Name] = v.Value
		}
	}
	var env []string
	for name, value := range own {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// kill ends a function as the kernel would: it gets no chance to do anything.
func (w *world) kill(name string) {
	w.t.Helper()
	p := w.functions[name]
	require.NoError(w.t, syscall.Kill(p.Pid(), syscall.SIGKILL))
	<-p.Exited()
	report.fault("function killed with SIGKILL")
}

// eventually waits until something holds; it asks, it does not sleep and hope.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	require.Eventually(w.t, holds, within, 20*time.Millisecond, what)
}

// statusz is what a function says of itself.
type statusz struct {
	Database struct {
		Reached bool `json:"reached"`
	} `json:"database"`
	Connections struct {
		Open int `json:"open"`
		Busy int `json:"busy"`
		Max  int `json:"max"`
	} `json:"connections"`
}

func (w *world) status(name string) (statusz, error) {
	var s statusz
	c := w.service()
	c.Base = w.functionURL(name)
	defer c.HTTP.CloseIdleConnections()
	return s, c.Get(context.Background(), "/statusz", &s)
}

// goroutines ends a function with SIGQUIT, by which Go prints them all, and
// counts those that are in our code or in the database driver.
func (w *world) goroutines(name string) int {
	w.t.Helper()
	p := w.functions[name]
	before, err := os.ReadFile(p.Log)
	require.NoError(w.t, err)
	require.NoError(w.t, syscall.Kill(p.Pid(), syscall.SIGQUIT))
	<-p.Exited()
	after, err := os.ReadFile(p.Log)
	require.NoError(w.t, err)
	dump := string(after[len(before):])
	require.Contains(w.t, dump, "SIGQUIT: quit")
	n := 0
	for _, stack := range strings.Split(dump, "\n\n") {
		if strings.HasPrefix(stack, "goroutine ") && (strings.Contains(stack, "mallhive/product-service") || strings.Contains(stack, "jackc/pgx")) {
			n++
		}
	}
	return n
}
