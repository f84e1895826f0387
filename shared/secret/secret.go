// Package secret turns the name of a secret into its value, at run time and
// never through Kubernetes.
package secret

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Manager reads AWS Secrets Manager with the credentials that the SDK finds
// (IRSA on EKS). The client is made at the first read. Safe for concurrent use.
type Manager struct {
	once   sync.Once
	client *secretsmanager.Client
	err    error
}

// Value is the current text of the secret. Errors name the secret, never its
// value.
func (m *Manager) Value(ctx context.Context, id string) (string, error) {
	m.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			m.err = fmt.Errorf("AWS configuration: %w", err)
			return
		}
		m.client = secretsmanager.NewFromConfig(cfg)
	})
	if m.err != nil {
		return "", m.err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := m.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", id, err)
	}
	if out.SecretString == nil {
		return "", fmt.Errorf("secret %s: holds no text", id)
	}
	return *out.SecretString, nil
}
