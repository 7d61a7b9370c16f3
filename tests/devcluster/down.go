package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// downPatience is how long the kernel may take to end everything in a cluster: moments, on a machine with disk to
// write out some seconds.
const downPatience = 30 * time.Second

func (c *cluster) down(_ context.Context) error {
	if _, err := os.Stat(c.Dir); errors.Is(err, os.ErrNotExist) {
		fmt.Printf("There is no cluster %s in %s\n", c.Name, c.Dir)
		return nil
	}
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if !c.exists() {
		// Either nothing was stored yet when a start was killed, or the folder is not ours.
		_ = os.Remove(c.path("cluster.json.new"))
		if err := os.Remove(c.Dir); err != nil {
			return fmt.Errorf("%s is not the run dir of a cluster: nothing is deleted", c.Dir)
		}
		fmt.Printf("The cluster %s is gone\n", c.Name)
		return nil
	}
	began := time.Now()
	if err := c.clear(); err != nil {
		return err
	}
	if err := os.Remove(c.Dir); err != nil {
		return fmt.Errorf("failed to delete the run dir: %w", err)
	}
	fmt.Printf("The cluster %s is gone (%.1f s)\n", c.Name, time.Since(began).Seconds())
	return nil
}

// clear ends and removes everything a start made, however far it came, except the run dir itself. It can be
// repeated: cluster.json, which says that there is something to clear, goes last.
func (c *cluster) clear() error {
	if err := c.endProcesses(); err != nil {
		return err
	}
	if c.Mode == modeNode {
		if err := c.disconnect(); err != nil {
			return err
		}
		if err := c.removeCgroups(); err != nil {
			return err
		}
	}
	if err := c.unmount(); err != nil {
		return err
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return fmt.Errorf("failed to read the run dir: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == "cluster.json" {
			continue
		}
		if err := os.RemoveAll(c.path(entry.Name())); err != nil {
			return fmt.Errorf("failed to delete the files of the cluster: %w", err)
		}
	}
	return os.Remove(c.path("cluster.json"))
}

// endProcesses ends the supervisor and with it everything else. In a pid namespace nothing outlives it; without one
// its children end a moment later.
func (c *cluster) endProcesses() error {
	supervisor, alive := c.supervisorPID()
	if !alive {
		return nil
	}
	children := supervisor.children()
	for _, process := range append([]identity{supervisor}, children...) {
		if err := process.end(downPatience); err != nil {
			return err
		}
	}
	return nil
}

// unmount detaches what is mounted below the run dir on the host. Nothing should be, but deleting files through a
// forgotten mount would be worse than looking.
func (c *cluster) unmount() error {
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("failed to read the mounts: %w", err)
	}
	defer table.Close()
	var below []string
	for lines := bufio.NewScanner(table); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); strings.HasPrefix(fields[4], c.Dir+"/") {
			below = append(below, fields[4])
		}
	}
	for _, target := range slices.Backward(below) {
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("failed to unmount %s: %w", target, err)
		}
	}
	return nil
}

// requireFreeName fails when a cluster of this name has another run dir: interface and cgroup are named after it.
func (c *cluster) requireFreeName() error {
	_, err := netlink.LinkByName(c.hostLink())
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("failed to look for the interface %s: %w", c.hostLink(), err)
	}
	return fmt.Errorf("there is an interface %s already: a cluster named %s stands in another run dir%s", c.hostLink(), c.Name, otherRunDir(c.Name))
}

// otherRunDir finds the run dir of a cluster by its supervisor, for the message that says where it is.
func otherRunDir(name string) string {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commands {
		content, _ := os.ReadFile(path) // ended meanwhile
		arguments := strings.Split(string(content), "\x00")
		if len(arguments) > 2 && arguments[1] == "supervisor" {
			if other, err := openCluster(name, arguments[2]); err == nil && other.exists() {
				return " (" + arguments[2] + ")"
			}
		}
	}
	return ""
}
