package main

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mallhive/product-service/bench/stage"
)

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// printSizes tells how large the binaries are, and the layer that each adds to
// its image: the binary alone in a tar with gzip -9. The base image comes on
// top, the same for all.
func printSizes(dir string) error {
	w := table()
	_, _ = fmt.Fprintln(w, "\nsize\tbinary (-trimpath -ldflags='-s -w')\timage layer (tar, gzip -9)\t")
	for _, name := range append([]string{"bare"}, stage.Functions()...) {
		binary, layer, err := sizes(filepath.Join(dir, name), name)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t\n", name, mib(binary), mib(layer))
	}
	return w.Flush()
}

func sizes(path, name string) (binary, layer int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return 0, 0, err
	}
	var packed counter
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return 0, 0, err
	}
	t := tar.NewWriter(z)
	if err := t.WriteHeader(&tar.Header{Name: "ko-app/" + name, Mode: 0o555, Size: info.Size()}); err != nil {
		return 0, 0, err
	}
	if _, err := io.Copy(t, file); err != nil {
		return 0, 0, err
	}
	if err := t.Close(); err != nil {
		return 0, 0, err
	}
	if err := z.Close(); err != nil {
		return 0, 0, err
	}
	return info.Size(), int64(packed), nil
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
