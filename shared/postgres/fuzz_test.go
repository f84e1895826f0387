package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func FuzzSecret(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"username":"u","password":"p","host":"h","port":5432,"dbname":"d"}`, `{"username":"u@:/?","password":"p'%#","host":"::1","port":"1","dbname":"/"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		url, err := (&Rotating{CAFile: ""}).connection(text)
		if err != nil {
			return
		}
		cfg, err := pgx.ParseConfig(url)
		if err != nil {
			return
		}
		require.NotEmpty(t, cfg.User)
		require.NotEmpty(t, cfg.Password)
	})
}
