package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// user runs the server's programs, and dir is the folder that user can enter.
type user struct {
	name       string
	dir        string
	credential *syscall.Credential // nil: as who started us
}

// runAs chooses who runs the server. Root gives way to the user postgres or
// nobody, who may be unable to enter a folder below somebody's home; the data
// then goes to a folder under /var/tmp that belongs to this one.
func runAs(dir string) (user, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return user{}, fmt.Errorf("data folder: %w", err)
	}
	who := user{dir: dir}
	if os.Geteuid() != 0 {
		return who, os.MkdirAll(dir, 0o755)
	}
	if err := who.choose("postgres", "nobody"); err != nil {
		return user{}, err
	}
	elsewhere := Elsewhere(dir)
	for _, candidate := range []string{dir, elsewhere} {
		// Where the data went at an earlier start it stays.
		if _, err := os.Stat(filepath.Join(elsewhere, "data")); err == nil && candidate == dir {
			continue
		}
		who.dir = candidate
		if err := who.own(candidate); err == nil && who.canEnter() {
			return who, nil
		}
	}
	return user{}, fmt.Errorf("data folder: the user %s can enter neither %s nor %s", who.name, dir, elsewhere)
}

// Elsewhere is where the data of a server in dir goes when its user cannot
// enter dir. A folder apart for each dir, and one that survives a restart.
func Elsewhere(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join("/var/tmp", "mallhive-product-service-"+hex.EncodeToString(sum[:4]))
}

func (u *user) choose(names ...string) error {
	for _, name := range names {
		found, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(found.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(found.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			u.name, u.credential = name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return nil
		}
	}
	return fmt.Errorf("PostgreSQL refuses to run as root, and there is none of the users %v to run it as", names)
}

// own makes the folder, or refuses one that a stranger prepared.
func (u user) own(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || (stat.Uid != 0 && stat.Uid != u.credential.Uid) {
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	return os.Chown(dir, int(u.credential.Uid), int(u.credential.Gid))
}

// canEnter tries it: permissions may be refused by more than mode bits.
func (u user) canEnter() bool { return u.command("/bin/sh", "-c", ":").Run() == nil }

// command is a program run by this user in its own process group, so that
// Ctrl-C at the terminal does not reach it before we stop it in order.
func (u user) command(program string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(context.Background(), program, arguments...)
	c.Dir = u.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + u.dir}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: u.credential}
	return c
}

// give hands a file to the user.
func (u user) give(path string) error {
	if u.credential == nil {
		return nil
	}
	return os.Chown(path, int(u.credential.Uid), int(u.credential.Gid))
}
