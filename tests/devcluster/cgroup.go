package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Every node has a cgroup root of its own: two kubelets on one root take each other's pods for orphans.

const cgroups = "/sys/fs/cgroup"

// CgroupName is the cluster's cgroup, below the root of each hierarchy.
func (c *cluster) CgroupName() string { return "devcluster-" + c.Name }

// cgroupRoots are the folders of the cluster's cgroup: one with cgroup v2, one for each controller with v1.
func (c *cluster) cgroupRoots() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers")); err == nil {
		return []string{filepath.Join(cgroups, c.CgroupName())}, nil
	}
	entries, err := os.ReadDir(cgroups)
	if err != nil {
		return nil, fmt.Errorf("failed to read the cgroup hierarchies: %w", err)
	}
	var roots []string
	for _, entry := range entries { // links are second names of hierarchies
		if _, err := os.Stat(filepath.Join(cgroups, entry.Name(), "cgroup.procs")); entry.IsDir() && err == nil {
			roots = append(roots, filepath.Join(cgroups, entry.Name(), c.CgroupName()))
		}
	}
	return roots, nil
}

func (c *cluster) makeCgroups() error {
	roots, err := c.cgroupRoots()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if err := os.MkdirAll(root, 0o755); err != nil {
			return fmt.Errorf("failed to make the cgroup: %w", err)
		}
		parent := filepath.Dir(root)
		// A v1 cpuset is useless until it is told its CPUs and memory nodes.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			content, err := os.ReadFile(filepath.Join(parent, file))
			if err != nil || strings.TrimSpace(string(content)) == "" {
				continue // not the cpuset hierarchy, or the root of v2, which has no such file
			}
			if err := os.WriteFile(filepath.Join(root, file), content, 0o644); err != nil {
				return fmt.Errorf("failed to give the cgroup its %s: %w", file, err)
			}
		}
		// In v2 a cgroup has only the controllers its parent hands down.
		controllers, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers"))
		if err != nil {
			continue
		}
		for _, controller := range strings.Fields(string(controllers)) {
			for _, level := range []string{parent, root} {
				if err := os.WriteFile(filepath.Join(level, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
					return fmt.Errorf("failed to hand the cgroup controller %s down: %w", controller, err)
				}
			}
		}
	}
	return nil
}

// removeCgroups removes the cluster's cgroups. The kernel lets go of one a moment after its last process ended.
func (c *cluster) removeCgroups() error {
	roots, err := c.cgroupRoots()
	if err != nil {
		return err
	}
	for range 100 {
		var folders []string
		for _, root := range roots {
			err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
				if errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				if err == nil && entry.IsDir() {
					folders = append(folders, path)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("failed to read the cgroups: %w", err)
			}
		}
		if len(folders) == 0 {
			return nil
		}
		for _, folder := range slices.Backward(folders) {
			_ = os.Remove(folder) // still busy: the next round tries again
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("failed to remove the cgroups %s: something still runs in them", strings.Join(roots, ", "))
}
