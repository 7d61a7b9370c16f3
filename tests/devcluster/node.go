package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// systemFolders are where the programs of a node, and Kubernetes itself, keep files outside the folders they are
// told. The node has its own, in the run dir, so that nothing of it is left on the machine.
var systemFolders = map[string]string{"/run": "run", "/var/lib": "var-lib", "/var/log": "var-log", "/opt": "opt"}

// tunables are settings of the whole machine that kubelet insists on changing. It gets files to write to instead,
// which hold what it wants already.
var tunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// enterNode turns the new mount namespace of the supervisor into the node's. Run dir and programs keep their paths.
func enterNode(dir, bin string) error {
	// What the host mounts from now on appears inside; what is mounted inside never appears on the host. Shared
	// among themselves the mounts of the node have to be for volumes that pods mount for each other.
	for _, propagation := range []uintptr{unix.MS_SLAVE, unix.MS_SHARED} {
		if err := unix.Mount("", "/", "", propagation|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("failed to set the propagation of mounts: %w", err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("failed to mount /proc: %w", err)
	}
	kept := map[string]int{}
	for _, folder := range []string{dir, bin} {
		opened, err := unix.Open(folder, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("failed to open %s: %w", folder, err)
		}
		kept[folder] = opened
	}
	for target, source := range systemFolders {
		if err := bind(fmt.Sprintf("/proc/self/fd/%d/node/%s", kept[dir], source), target); err != nil {
			return err
		}
	}
	// A run dir or a cache below one of these is hidden now: show it again.
	for folder, opened := range kept {
		if _, err := os.Stat(folder); err == nil {
			continue
		}
		if err := bind(fmt.Sprintf("/proc/self/fd/%d", opened), folder); err != nil {
			return err
		}
	}
	for setting, value := range tunables {
		file := filepath.Join(dir, "node", "sys", setting)
		if err := writeFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(file, filepath.Join("/proc/sys", setting), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("failed to cover the setting %s: %w", setting, err)
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("failed to let the node forward packets: %w", err)
	}
	if err := os.Chdir(dir); err != nil { // the same folder, now as the node sees it
		return err
	}
	return nil
}

func bind(source, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("failed to make %s: %w", target, err)
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("failed to mount %s on %s: %w", source, target, err)
	}
	return nil
}

// prepareNode makes the folders that enterNode mounts, and the one that the registry expects.
func (c *cluster) prepareNode() error {
	for _, folder := range systemFolders {
		if err := os.MkdirAll(c.path("node", folder), 0o755); err != nil {
			return err
		}
	}
	return os.MkdirAll(c.path("registry"), 0o755)
}

// nodeTools are the programs that a node needs besides this one.
var nodeTools = []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "coredns", "crane", "pause", "ptp", "host-local", "loopback", "portmap"}

func (c *cluster) registry() process {
	return process{Name: "registry", Argv: []string{c.tool("crane"), "registry", "serve", "--address", c.Registry(), "--disk", c.path("registry")}}
}

func (c *cluster) containerd() process {
	return process{Name: "containerd", Argv: []string{c.tool("containerd"), "--config", c.path("config", "containerd.toml")}}
}

func (c *cluster) kubelet() process {
	return c.part("kubelet", "--config", c.path("config", "kubelet.yaml"), "--kubeconfig", c.programKubeconfig("kubelet"),
		"--hostname-override", c.NodeName(), "--node-ip", c.Node)
}

func (c *cluster) kubeProxy() process {
	return c.part("kube-proxy", "--config", c.path("config", "kube-proxy.yaml"))
}

// containerdSocket is the host's path of the socket that the node sees as /run/containerd/containerd.sock.
func (c *cluster) containerdSocket() string {
	return c.path("node", "run", "containerd", "containerd.sock")
}
