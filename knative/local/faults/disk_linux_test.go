package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
)

// The tables lie on a small file system, which is filled up while products are
// imported and orders come in.
func TestAFullDiskIsA503UntilThereIsRoom(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	disk := w.smallDisk("tables", 128<<20)
	// It belongs to whom the data belongs to.
	info, err := os.Stat(w.pg.DataDir)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	require.NoError(t, os.Chown(disk, int(owner.Uid), int(owner.Gid)))
	w.moveTablesTo(disk)
	for round := range n {
		running, s := w.importing(round), w.watch()
		room := fill(t, disk)
		<-running.done
		require.Error(t, running.err, "an import that found no room says that it is incomplete")
		w.lockUntilRefused(round)
		room()
		running.finish()
		s.end()
		w.prove()
	}
}

// Here the server itself finds no room, for its log of changes: it gives up and
// stands up again when somebody has made room.
func TestADiskThatIsFullForTheWholeServerLosesNothing(t *testing.T) {
	n := rounds(t)
	var disk string
	w := newWorld(t, func(w *world) { disk = w.smallDisk("postgres", 400<<20) })
	for round := range n {
		running, s := w.importing(round), w.watch()
		room := fill(t, disk)
		w.eventually("the log of changes finds no room, and the server falls", func() bool {
			_, err := w.owner.Exec(context.Background(), `select pg_logical_emit_message(false, 'fill', repeat('x', 1000000)), pg_switch_wal()`)
			return err != nil
		})
		w.eventually("callers feel it", func() bool { return s.unavailable("inventory") > 0 && s.unavailable("catalog") > 0 })
		room()
		w.eventually("PostgreSQL stands up", func() bool {
			select {
			case <-w.pg.Exited():
				w.startPostgres()
			default:
			}
			return w.postgresAnswers()
		})
		running.finish()
		s.end()
		w.prove()
	}
}

// smallDisk mounts a file system of this size, which only root may.
func (w *world) smallDisk(name string, bytes int) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	require.NoError(w.t, os.Mkdir(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		w.t.Skipf("a small file system cannot be mounted as this user, so the disk cannot be filled: %v", err)
	}
	w.t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func (w *world) moveTablesTo(dir string) {
	w.t.Helper()
	u, err := url.Parse(w.pg.URL())
	require.NoError(w.t, err)
	u.Path = "/postgres"
	conn, err := pgx.Connect(context.Background(), u.String())
	require.NoError(w.t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), fmt.Sprintf("create tablespace small location '%s'", dir))
	require.NoError(w.t, err)
	w.owner.Reset()
	w.eventually("the tables move", func() bool {
		_, _ = conn.Exec(context.Background(), `select pg_terminate_backend(pid, 1000) from pg_stat_activity where datname = 'product_service'`)
		_, err = conn.Exec(context.Background(), "alter database product_service set tablespace small")
		return err == nil
	})
}

// fill leaves no byte free; room gives all of it back.
func fill(t *testing.T, dir string) (room func()) {
	t.Helper()
	report.fault("disk full")
	ballast := filepath.Join(dir, "ballast")
	file, err := os.Create(ballast)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for zeros := make([]byte, 1<<20); ; {
		if _, err := file.Write(zeros); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			break
		}
	}
	return func() { require.NoError(t, os.Remove(ballast)) }
}

// lockUntilRefused places orders until the room in the last pages is used up.
func (w *world) lockUntilRefused(round int) {
	w.t.Helper()
	inventory := client.New(w.functionURL("inventory"), w.token)
	n := 0
	w.eventually("an order is answered with a 503", func() bool {
		n++
		reply, err := inventory.Do(context.Background(), http.MethodPost, "/v1/reservations",
			map[string]any{"order_id": fmt.Sprintf("full-%d-%d", round, n), "lines": []any{map[string]any{"sku": "nothing", "quantity": 1}}})
		require.NoError(w.t, err)
		full := reply.Status == http.StatusServiceUnavailable
		require.True(w.t, full || reply.Status == http.StatusConflict, "%d %s", reply.Status, reply.Body)
		return full
	})
}
