package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// clusterMode says how much of a cluster stands.
type clusterMode string

const (
	modeControlPlane clusterMode = "control-plane" // API only: etcd, API server, controllers, scheduler
	modeKwok         clusterMode = "kwok"          // and simulated nodes, whose pods only seem to run
	modeNode         clusterMode = "node"          // and a real node, in namespaces of its own
)

// cluster is one cluster on this machine: what its commands need to know, kept in cluster.json of its run dir.
type cluster struct {
	Name string      `json:"name"`
	Mode clusterMode `json:"mode"`
	Addresses
	// Server is the URL of the API.
	Server string `json:"server"`
	// EtcdPort and PeerPort are where etcd listens on loopback.
	EtcdPort int `json:"etcdPort"`
	PeerPort int `json:"peerPort"`
	// APIPort is where the API server listens.
	APIPort int `json:"apiPort"`
	// KwokPort is where kwok serves its own API on loopback.
	KwokPort int `json:"kwokPort,omitempty"`
	// Bin is the folder this program and the tools were started from.
	Bin string `json:"bin"`
	// Ready says that `up` came to its end.
	Ready bool `json:"ready"`

	// Dir is the run dir. All files of the cluster lie in it.
	Dir string `json:"-"`
}

// An interface name has at most 15 bytes and ours starts with "dc-".
var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$`)

// maxRunDir keeps the longest socket path below run dirs under the kernel's limit of 107 bytes.
const maxRunDir = 107 - len("/node/run/containerd/containerd.sock.ttrpc")

// openCluster reads what is known about a cluster; of one that does not stand, that is only name and run dir.
func openCluster(name, runDir string) (*cluster, error) {
	if !validName.MatchString(name) {
		return nil, usageError(fmt.Sprintf("cluster name %q: must be up to 12 of a-z, 0-9 and '-', and start with a letter", name))
	}
	if runDir == "" {
		state := os.Getenv("XDG_STATE_HOME")
		if state == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return nil, fmt.Errorf("failed to find the home folder: %w", err)
			}
			state = filepath.Join(home, ".local", "state")
		}
		runDir = filepath.Join(state, "openvox-devcluster", name)
	}
	runDir, err := filepath.Abs(runDir)
	if err != nil {
		return nil, fmt.Errorf("failed to resolve the run dir: %w", err)
	}
	if len(runDir) > maxRunDir {
		return nil, fmt.Errorf("run dir %s is too long: sockets below it need it to be at most %d bytes", runDir, maxRunDir)
	}
	c := &cluster{Name: name, Dir: runDir}
	content, err := os.ReadFile(c.path("cluster.json"))
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed to read the state of the cluster: %w", err)
	}
	if err := json.Unmarshal(content, c); err != nil {
		return nil, fmt.Errorf("failed to read %s: %w", c.path("cluster.json"), err)
	}
	if c.Name != name {
		return nil, fmt.Errorf("run dir %s belongs to the cluster %q, not %q", runDir, c.Name, name)
	}
	return c, nil
}

// save stores the state, whole or not at all: a killed command must not leave half a file.
func (c *cluster) save() error {
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(c.path("cluster.json"), content, 0o600); err != nil {
		return fmt.Errorf("failed to store the state of the cluster: %w", err)
	}
	return nil
}

// path is the path of a file in the run dir.
func (c *cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.Dir}, parts...)...)
}

func (c *cluster) kubeconfig() string       { return c.path("kubeconfig") }
func (c *cluster) logFile(of string) string { return c.path("log", of+".log") }

// NodeName is the name of the real node.
func (c *cluster) NodeName() string { return c.Name + "-node" }

// Registry is where the cluster's image registry listens.
func (c *cluster) Registry() string { return c.Node + ":5000" }

// exists says whether the run dir is one of ours: `down` deletes nothing else.
func (c *cluster) exists() bool {
	_, err := os.Stat(c.path("cluster.json"))
	return err == nil
}

// isUp says whether `up` came to its end and the cluster has not ended since.
func (c *cluster) isUp() bool {
	_, alive := c.supervisorPID()
	return c.Ready && alive
}

// lock keeps other commands from changing the same cluster at the same time. The kernel drops it when the process ends.
func (c *cluster) lock() (unlock func(), err error) {
	for {
		if err := os.MkdirAll(c.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("failed to make the run dir: %w", err)
		}
		dir, err := os.Open(c.Dir)
		if err != nil {
			return nil, fmt.Errorf("failed to open the run dir: %w", err)
		}
		if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			dir.Close()
			return nil, fmt.Errorf("another devcluster command is working on %s", c.Dir)
		}
		// Somebody may have deleted the folder between opening and locking it: then the lock is worth nothing.
		opened, openedErr := dir.Stat()
		now, nowErr := os.Stat(c.Dir)
		if openedErr == nil && nowErr == nil && os.SameFile(opened, now) {
			return func() { dir.Close() }, nil
		}
		dir.Close()
	}
}

// writeFile writes a file by way of a second one, so that readers see the old or the new content.
func writeFile(path string, content []byte, permissions os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", content, permissions); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
