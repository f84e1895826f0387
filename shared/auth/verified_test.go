package auth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
)

func TestATokenIsCheckedOnceAndRefusedWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	ctx := context.Background()
	token := sign(t, jose.ES256, p.key, "one", p.claims())
	first, err := v.Verify(ctx, token)
	require.NoError(t, err)
	again, err := v.Verify(ctx, token)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Less(t, testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = v.Verify(ctx, token)
		}
	}).AllocedBytesPerOp(), int64(2048), "its signature is not checked again")
	v.Later(59 * time.Minute)
	_, err = v.Verify(ctx, token)
	require.NoError(t, err)
	v.Later(61 * time.Minute)
	_, err = v.Verify(ctx, token)
	require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
}

func TestATokenThatWasCheckedIsCheckedAgainWithNewKeys(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	ctx := context.Background()
	token := sign(t, jose.ES256, p.key, "one", p.claims())
	_, err := v.Verify(ctx, token)
	require.NoError(t, err)
	p.withdrawn.Store(true)
	_, err = v.Verify(ctx, token)
	require.NoError(t, err, "its key is known for less than an hour")
	v.Age(61 * time.Minute)
	require.Eventually(t, func() bool {
		_, err = v.Verify(ctx, token)
		return fault.Is(err, fault.Unauthenticated)
	}, 10*time.Second, time.Millisecond, "a withdrawn key takes its tokens along")
	require.EqualValues(t, 2, p.fetches.Load())
}

func TestATokenThatIsLikeOneThatHeldIsRefused(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	ctx := context.Background()
	token := sign(t, jose.ES256, p.key, "one", p.claims())
	_, err := v.Verify(ctx, token)
	require.NoError(t, err)
	parts := strings.Split(token, ".")
	other := strings.Split(sign(t, jose.ES256, p.key, "one", map[string]any{"sub": "maria"}), ".")
	for _, bent := range []string{
		parts[0] + "." + other[1] + "." + parts[2], parts[0] + "." + parts[1] + "." + other[2], parts[0] + "." + parts[1] + ".", token + "A",
	} {
		_, err := v.Verify(ctx, bent)
		require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
	}
	require.Equal(t, 1, v.Kept(), "what does not hold is not kept")
}

func TestOnlySoManyTokensAreKept(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	ctx := context.Background()
	for i := range 1100 {
		c := p.claims()
		c["jti"] = i
		_, err := v.Verify(ctx, sign(t, jose.ES256, p.key, "one", c))
		require.NoError(t, err)
	}
	require.Equal(t, 1024, v.Kept())
}

// BenchmarkVerify is what a sender's token costs the first time and after.
func BenchmarkVerify(b *testing.B) {
	p := newProvider(b)
	v := p.verifier()
	claims := p.claims()
	token := sign(b, jose.ES256, p.key, "one", claims)
	b.Run("first", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			b.StopTimer()
			claims["jti"] = n
			fresh := sign(b, jose.ES256, p.key, "one", claims)
			b.StartTimer()
			_, _ = v.Verify(context.Background(), fresh)
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			_, _ = v.Verify(context.Background(), token)
		}
	})
}
