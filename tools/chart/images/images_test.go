// Package images_test builds the images as a deployment does, and pushes them to a
// registry on this machine.
package images_test

import (
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

var platforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}

// base pushes what stands for the real base, which is not here: no files, and its
// user.
func base(t *testing.T, host string) string {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	for _, p := range platforms {
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Config: v1.Config{User: "65532"}, RootFS: v1.RootFS{Type: "layers"}})
		require.NoError(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &p}})
	}
	tag, err := name.NewTag(host + "/base:nonroot")
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(tag, index))
	return tag.String()
}

func TestAnImageIsPushedByDigestWithItsPartsListed(t *testing.T) {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	from := base(t, host)
	programs := []string{"catalog", "inventory", "events", "migrate"}
	if testing.Short() {
		programs = []string{"catalog", "migrate"} // a function and what is none
	}
	for _, program := range programs {
		repository := host + "/mallhive-product-service"
		build := func() string {
			c := exec.Command(filepath.Join("..", "..", "image"), program)
			c.Env = append(os.Environ(), "KO_DOCKER_REPO="+repository, "KO_DEFAULTBASEIMAGE="+from)
			c.Stderr = os.Stderr
			out, err := c.Output()
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			return lines[len(lines)-1]
		}
		reference := build()
		require.Regexp(t, "^"+regexp.QuoteMeta(repository)+":"+program+"-[0-9a-f]{12}@sha256:[0-9a-f]{64}$", reference)
		require.Equal(t, reference, build(), "a commit is built to the same bytes")

		digest, err := name.NewDigest(reference)
		require.NoError(t, err)
		tags, err := remote.List(digest.Context())
		require.NoError(t, err)
		require.Regexp(t, program+"-[0-9a-f]{12}", strings.Join(tags, " "))
		require.Contains(t, tags, strings.Replace(digest.DigestStr(), ":", "-", 1)+".sbom")
		index, err := remote.Index(digest)
		require.NoError(t, err)
		check(t, program, index)
	}
}

func check(t *testing.T, program string, index v1.ImageIndex) {
	t.Helper()
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, len(platforms))
	for i, m := range manifest.Manifests {
		require.Equal(t, platforms[i].Architecture, m.Platform.Architecture)
		image, err := index.Image(m.Digest)
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, "65532", config.Config.User)
		require.Equal(t, []string{"/ko-app/" + program}, config.Config.Entrypoint)
		layers, err := image.Layers()
		require.NoError(t, err)
		var compressed, unpacked int64
		for _, l := range layers {
			size, err := l.Size()
			require.NoError(t, err)
			compressed += size
			tar, err := l.Uncompressed()
			require.NoError(t, err)
			size, err = io.Copy(io.Discard, tar)
			require.NoError(t, err)
			require.NoError(t, tar.Close())
			unpacked += size
		}
		t.Logf("%s %s: %.1f MB, %.1f MB compressed, without the base",
			program, m.Platform.Architecture, float64(unpacked)/1e6, float64(compressed)/1e6)
	}
}
