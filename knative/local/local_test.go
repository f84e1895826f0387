package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/manifest"
)

func read(t *testing.T) *manifest.Stack {
	t.Helper()
	m, err := manifest.Read("..")
	require.NoError(t, err)
	return m
}

func settingsFrom(t *testing.T, env map[string]string) settings {
	t.Helper()
	if env["LOCAL_DIR"] == "" {
		env["LOCAL_DIR"] = t.TempDir()
	}
	s, err := readSettings(func(name string) string { return env[name] })
	require.NoError(t, err)
	s.root = "../.."
	return s
}

func TestEveryAddressInTheManifestsHasAPlaceHere(t *testing.T) {
	t.Parallel()
	m, s := read(t), settingsFrom(t, map[string]string{})
	local := s.localAddress(m)
	for _, trigger := range m.Triggers {
		_, err := trigger.Runnable(local)
		require.NoError(t, err)
	}
	for _, route := range m.Routes {
		_, err := local("http://" + route.Host)
		require.NoError(t, err)
	}
	sink, err := local(m.Broker.URL())
	require.NoError(t, err)
	require.Equal(t, "http://localhost:8090/product-service/default", sink)
	_, err = local("http://stranger.default.svc.cluster.local/x")
	require.ErrorContains(t, err, "nothing on this machine stands for stranger")
}

func TestFunctionsGetTheManifestsEnvironmentWithThisMachinesAddresses(t *testing.T) {
	t.Setenv("LOG_LEVEL", "debug")
	t.Setenv("OTEL_TRACES_EXPORTER", "console")
	t.Setenv("SECRET_OF_THE_SHELL", "x")
	m := read(t)
	st := &stack{settings: settingsFrom(t, map[string]string{"PORT_EVENTS": "9183"}), manifest: m}
	for _, f := range m.Functions {
		if f.Name != "events" {
			continue
		}
		env, err := st.environment(instance{f.Name, f, st.settings.ports.function[f.Name]}, "postgres://here")
		require.NoError(t, err)
		for _, want := range []string{
			"PORT=9183", "DATABASE_URL=postgres://here", "K_SINK=http://localhost:8090/product-service/default",
			"AUTH_ISSUERS=http://localhost:8084", "EVENT_AUTH=oidc", "EVENT_AUDIENCE=product-service/events",
			"EVENT_SUBJECTS=" + f.Value("EVENT_SUBJECTS"), "AUTH_SUBJECT_SCOPES=" + f.Value("AUTH_SUBJECT_SCOPES"),
			"LOG_LEVEL=debug", "OTEL_TRACES_EXPORTER=console", "K_SERVICE=events",
		} {
			require.Contains(t, env, want)
		}
		require.NotContains(t, strings.Join(env, "\n"), "DATABASE_SECRET_ID")
		require.NotContains(t, strings.Join(env, "\n"), "SECRET_OF_THE_SHELL")
	}
}

func TestAPortThatIsTakenIsNamedWithItsVariable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	s := settingsFrom(t, map[string]string{"PORT_BROKER": port})
	require.ErrorContains(t, s.checkPorts(context.Background()), "port "+port+" is taken by another program; choose another: PORT_BROKER=")

	// All that is in the way is told at once, with ports that are free.
	second, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer func() { _ = second.Close() }()
	_, secondPort, err := net.SplitHostPort(second.Addr().String())
	require.NoError(t, err)
	env := map[string]string{"PORT_BROKER": port, "PORT_ISSUER": secondPort}
	for _, name := range []string{"FRONT", "CATALOG", "INVENTORY", "EVENTS", "SINKS", "POSTGRES"} {
		env["PORT_"+name] = freePort(t)
	}
	s = settingsFrom(t, env)
	err = s.checkPorts(context.Background())
	require.ErrorContains(t, err, "ports "+port+", "+secondPort+" are taken")
	require.NotContains(t, err.Error(), "\n")
	for _, remedy := range regexp.MustCompile(`(PORT_\w+)=(\d+)`).FindAllStringSubmatch(err.Error(), -1) {
		env[remedy[1]] = remedy[2]
	}
	s = settingsFrom(t, env)
	require.NoError(t, s.checkPorts(context.Background()))

	s = settingsFrom(t, map[string]string{"PORT_BROKER": port, "PORT_SINKS": port})
	require.ErrorContains(t, s.checkPorts(context.Background()), "PORT_SINKS")
}

func TestAWrongSettingIsNamed(t *testing.T) {
	t.Parallel()
	for variable, value := range map[string]string{"PORT_FRONT": "80 80", "PORT_SINKS": "70000", "BROKER_BACKOFF": "-1", "BROKER_COPIES": "5-1", "INVENTORY_INSTANCES": "0", "DATABASE_URL": "host=localhost password=secret"} {
		_, err := readSettings(func(name string) string {
			return map[string]string{variable: value}[name]
		})
		require.ErrorContains(t, err, variable)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestADatabaseThatIsNotThereIsNamedByItsVariable(t *testing.T) {
	t.Parallel()
	err := reachable(context.Background(), "postgres://someone:secret@localhost:1/none")
	require.ErrorContains(t, err, "DATABASE_URL")
	require.NotContains(t, err.Error(), "secret")
	require.NotContains(t, err.Error(), "\n")
}

func TestOnlyOneStackRunsInAFolder(t *testing.T) {
	t.Parallel()
	s := settingsFrom(t, map[string]string{})
	require.False(t, s.running())
	held, err := s.lock()
	require.NoError(t, err)
	require.True(t, s.running())
	_, err = s.lock()
	require.ErrorContains(t, err, "running already")
	held.release()
	require.False(t, s.running())
}

// A killed stack leaves programs behind; a number that now belongs to another
// program is not ours to end.
func TestLeftoversAreEndedAndStrangersAreNot(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ps"); err != nil {
		t.Skip("ps is missing, by which leftovers are known")
	}
	ctx, s := context.Background(), settingsFrom(t, map[string]string{})
	start := func(mark string) (int, <-chan struct{}) {
		c := exec.Command("sh", "-c", "trap 'exit 0' INT TERM; while :; do sleep 0.05; done", mark)
		require.NoError(t, c.Start())
		ended := make(chan struct{})
		go func() { _ = c.Wait(); close(ended) }()
		t.Cleanup(func() { _ = c.Process.Kill() })
		return c.Process.Pid, ended
	}
	ours, ended := start("marked-as-ours")
	stranger, strangerEnded := start("somebody-else")
	text, err := json.Marshal([]note{{PID: ours, Mark: "marked-as-ours"}, {PID: stranger, Mark: "marked-as-ours"}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.path("processes.json"), text, 0o600))
	s.endLeftovers(ctx, t.Logf)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.Fail(t, "our leftover goes on")
	}
	select {
	case <-strangerEnded:
		require.Fail(t, "a stranger was ended")
	default:
	}
	require.NoFileExists(t, s.path("processes.json"))
}
