// Package crash proves that a cluster leaves nothing behind, wherever its start was killed.
//
// It needs the programs of build.sh: DEVCLUSTER names the devcluster binary, else build.sh is asked. As root it
// starts real nodes, else clusters with simulated ones.
package crash

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killPoints are the steps of `up`: it is killed soon after it says that it begins one.
var killPoints = map[string][]string{
	"kwok": {"Starting", "supervisor", "certificates", "etcd", "controllers", "nodes"},
	"node": {"Starting", "supervisor", "network", "certificates", "etcd", "controllers", "images", "nodes", "cluster DNS"},
}

type cluster struct {
	t               *testing.T
	program         string
	name, dir, mode string
}

func newCluster(t *testing.T, name string) *cluster {
	t.Helper()
	program := os.Getenv("DEVCLUSTER")
	if program == "" {
		build := exec.Command("../build.sh")
		build.Stderr = os.Stderr
		output, err := build.Output()
		if err != nil {
			t.Fatalf("build.sh: %v", err)
		}
		lines := strings.Fields(string(output))
		program = filepath.Join(lines[len(lines)-1], "devcluster")
	}
	mode := "kwok"
	if os.Geteuid() == 0 {
		mode = "node"
	}
	// Not t.TempDir(): names of tests are sentences, and paths of sockets are short.
	dir, err := os.MkdirTemp("", "dc-")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, program: program, name: name, dir: filepath.Join(dir, name), mode: mode}
	t.Cleanup(func() {
		c.down()
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *cluster) command(arguments ...string) *exec.Cmd {
	arguments = append([]string{arguments[0], "--name", c.name, "--run-dir", c.dir}, arguments[1:]...)
	return exec.Command(c.program, arguments...)
}

func (c *cluster) run(arguments ...string) string {
	c.t.Helper()
	output, err := c.command(arguments...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("devcluster %s: %v\n%s", arguments[0], err, output)
	}
	return string(output)
}

func (c *cluster) up()   { c.t.Helper(); c.run("up", "--mode", c.mode) }
func (c *cluster) down() { c.t.Helper(); c.run("down") }

// upKilledAt starts the cluster and kills the command at some moment after it printed these words.
func (c *cluster) upKilledAt(words string) {
	c.t.Helper()
	up := c.command("up", "--mode", c.mode)
	output, err := up.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	var complaints bytes.Buffer
	up.Stderr = &complaints
	if err := up.Start(); err != nil {
		c.t.Fatal(err)
	}
	var said strings.Builder
	for reader := bufio.NewReader(output); !strings.Contains(said.String(), words); {
		letter, err := reader.ReadByte()
		if err == io.EOF {
			c.t.Fatalf("up ended before it said %q:\n%s%s", words, said.String(), complaints.String())
		}
		if err != nil {
			c.t.Fatal(err)
		}
		said.WriteByte(letter)
	}
	wait := rand.N(200 * time.Millisecond) // steps are longer and shorter than that: kills fall into and between them
	c.t.Logf("killed %s after it said %q", wait, words)
	time.Sleep(wait)
	if err := up.Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
	_ = up.Wait() // killed, as it should be
}

// processes are the processes of the cluster, each with its start time: the supervisor, and what is in its pid
// namespace or below it.
func (c *cluster) processes() map[string]string {
	record, err := os.ReadFile(filepath.Join(c.dir, "supervisor.pid"))
	if err != nil {
		return nil // killed before there was one
	}
	supervisor := strings.Fields(string(record))[0]
	namespace, _ := os.Readlink("/proc/" + supervisor + "/ns/pid")
	ours, _ := os.Readlink("/proc/self/ns/pid")
	found := map[string]string{}
	for _, pid := range pids() {
		fields := stat(pid)
		if fields == nil {
			continue
		}
		inside, _ := os.Readlink("/proc/" + pid + "/ns/pid")
		if pid == supervisor || fields[1] == supervisor || inside == namespace && inside != ours && inside != "" {
			found[pid] = fields[19]
		}
	}
	return found
}

func pids() []string {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for i, folder := range folders {
		folders[i] = filepath.Base(folder)
	}
	return folders
}

// stat are the fields of /proc/PID/stat after the name: state, parent, ..., start time; nil when the process ended.
func stat(pid string) []string {
	content, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if fields[0] == "Z" || fields[0] == "X" {
		return nil
	}
	return fields
}

// leftovers lists everything of the cluster that is still on the machine.
func (c *cluster) leftovers(processes map[string]string) []string {
	var left []string
	for pid, start := range processes {
		if fields := stat(pid); fields != nil && fields[19] == start {
			left = append(left, "process "+pid)
		}
	}
	for _, pid := range pids() {
		if content, _ := os.ReadFile("/proc/" + pid + "/cmdline"); bytes.Contains(content, []byte(c.dir+"/")) {
			left = append(left, "process "+pid+" "+string(bytes.ReplaceAll(content, []byte{0}, []byte{' '})))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, c.dir) {
			left = append(left, "mount "+line)
		}
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, i := range interfaces {
		if i.Name == "dc-"+c.name {
			left = append(left, "interface "+i.Name)
		}
	}
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		c.t.Fatal(err)
	}
	if bytes.Contains(routes, []byte("dc-"+c.name+"\t")) {
		left = append(left, "a route")
	}
	for _, pattern := range []string{"/sys/fs/cgroup/devcluster-" + c.name, "/sys/fs/cgroup/*/devcluster-" + c.name, c.dir} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	return left
}

// systemFiles are the places where the programs of a node would keep files if they were not kept from it, and the
// settings of the machine that kubelet would change.
func systemFiles() string {
	var found strings.Builder
	for _, path := range []string{
		"/run/containerd", "/run/netns/*", "/run/nri", "/run/xtables.lock", "/var/run/kubernetes", "/var/lib/kubelet", "/var/lib/cni",
		"/var/lib/containerd", "/var/log/pods", "/var/log/containers", "/opt/*", "/etc/cni", "/etc/kubernetes", "/usr/libexec/kubernetes",
	} {
		matches, _ := filepath.Glob(path)
		fmt.Fprintln(&found, matches)
	}
	for _, setting := range []string{"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"} {
		content, _ := os.ReadFile("/proc/sys/" + setting)
		fmt.Fprintf(&found, "%s %s", setting, content)
	}
	return found.String()
}

func TestDownRemovesEverythingWhereverUpWasKilled(t *testing.T) {
	c := newCluster(t, "crash")
	before := systemFiles()
	for _, point := range killPoints[c.mode] {
		t.Run(point, func(t *testing.T) {
			c := &cluster{t: t, program: c.program, name: c.name, dir: c.dir, mode: c.mode}
			c.upKilledAt(point)
			processes := c.processes()
			if len(processes) == 0 && slices.Index(killPoints[c.mode], point) > 2 {
				t.Fatal("nothing ran: this proves nothing")
			}
			c.down()
			for _, left := range c.leftovers(processes) {
				t.Error("left behind: ", left)
			}
		})
	}
	if after := systemFiles(); after != before {
		t.Errorf("files or settings of the machine changed:\n%swere\n%s", after, before)
	}
}

func TestUpStartsOverOnWhatACrashLeft(t *testing.T) {
	c := newCluster(t, "crash")
	before := systemFiles()
	c.upKilledAt("controllers")
	first := c.processes()
	c.up()
	second := c.processes()
	for pid, start := range first {
		if fields := stat(pid); fields != nil && fields[19] == start {
			t.Errorf("process %s of the killed start still runs", pid)
		}
	}

	// And on those of a cluster that was up and lost its supervisor.
	record, err := os.ReadFile(filepath.Join(c.dir, "supervisor.pid"))
	if err != nil {
		t.Fatal(err)
	}
	var supervisor int
	if _, err := fmt.Sscan(string(record), &supervisor); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		alive := slices.ContainsFunc(c.leftovers(second), func(left string) bool { return strings.HasPrefix(left, "process ") })
		if !alive {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("programs of the cluster outlive their supervisor")
		}
	}
	if output, err := c.command("status").CombinedOutput(); err == nil {
		t.Errorf("status calls the dead cluster alive:\n%s", output)
	}
	c.up()
	if status := c.run("status"); !strings.Contains(status, "(ready)") {
		t.Errorf("no node is ready:\n%s", status)
	}
	third := c.processes()
	c.down()
	for _, left := range c.leftovers(third) {
		t.Error("left behind: ", left)
	}
	if after := systemFiles(); after != before {
		t.Errorf("files or settings of the machine changed:\n%swere\n%s", after, before)
	}
}

func TestDownDeletesNoFolderThatIsNotOurs(t *testing.T) {
	c := newCluster(t, "crash")
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(c.dir, "precious")
	if err := os.WriteFile(precious, []byte("keep me"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"down", "up"} {
		if output, err := c.command(command).CombinedOutput(); err == nil {
			t.Errorf("%s accepted the folder:\n%s", command, output)
		}
	}
	if err := os.Remove(precious); err != nil {
		t.Fatal(err)
	}
}
