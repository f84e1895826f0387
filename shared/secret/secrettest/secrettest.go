// Package secrettest is an AWS Secrets Manager for tests: it speaks the part of
// its protocol that GetSecretValue uses, and fails as the real one does.
package secrettest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Manager is a running one.
type Manager struct {
	mu    sync.Mutex
	value string
	fault string
	hang  chan struct{}
	calls int
}

// Start runs a Manager and points the SDK at it by the environment, which is
// why a test that uses it cannot run in parallel.
func Start(t *testing.T) *Manager {
	t.Helper()
	m := &Manager{}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	t.Cleanup(m.Resume) // before the server waits for its requests
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_MAX_ATTEMPTS": "2",
	} {
		t.Setenv(k, v)
	}
	return m
}

// Set is the secret's value from now on.
func (m *Manager) Set(value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.value = value
}

// Fail answers with this error, such as ThrottlingException; "" ends it.
func (m *Manager) Fail(code string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = code
}

// Hang lets requests wait until Resume.
func (m *Manager) Hang() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hang = make(chan struct{})
}

// Resume answers what waits, and all that comes.
func (m *Manager) Resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang != nil {
		close(m.hang)
		m.hang = nil
	}
}

// Calls is how many requests came.
func (m *Manager) Calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// ServeHTTP answers as Secrets Manager does.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.calls++
	fault, hang := m.fault, m.hang
	m.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}
	if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || r.Header.Get("Authorization") == "" {
		fault = "InvalidRequestException"
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if fault != "" {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": fault, "message": "as the test says"})
		return
	}
	m.mu.Lock()
	value := m.value
	m.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{"Name": "s", "SecretString": value})
}
