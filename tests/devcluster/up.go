package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// upPatience bounds the whole start. A quiet machine needs 10 to 15 s, one that compiles at the same time far more.
const upPatience = 5 * time.Minute

func (c *cluster) up(ctx context.Context, mode clusterMode) error {
	switch mode {
	case "":
		mode = modeKwok
		if os.Geteuid() == 0 {
			mode = modeNode
		}
	case modeControlPlane, modeKwok, modeNode:
	default:
		return usageError(fmt.Sprintf("unknown mode %q: control-plane, kwok or node", mode))
	}
	if mode == modeNode && os.Geteuid() != 0 {
		return errors.New("a real node needs root (without: --mode kwok or --mode control-plane)")
	}
	bin, err := requireTools(mode)
	if err != nil {
		return err
	}
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if c.isUp() { // as it was before the lock: another `up` would have made the lock fail
		if c.Mode != mode {
			return fmt.Errorf("the cluster %s is up in mode %s: take it down first", c.Name, c.Mode)
		}
		fmt.Printf("The cluster %s is up already: export KUBECONFIG=%s\n", c.Name, c.kubeconfig())
		return nil
	}

	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, upPatience)
	defer cancel()
	fmt.Printf("Starting the cluster %s (%s) in %s\n", c.Name, mode, c.Dir)
	if err := c.bringUp(ctx, mode, bin); err != nil {
		// The logs are kept for who wants to know why; everything that runs is ended.
		err = errors.Join(err, c.endProcesses())
		return fmt.Errorf("%w\n(logs are in %s until the next up or down)", err, c.path("log"))
	}
	fmt.Printf("Up after %.1f s: export KUBECONFIG=%s\n", time.Since(began).Seconds(), c.kubeconfig())
	return nil
}

func (c *cluster) bringUp(ctx context.Context, mode clusterMode, bin string) error {
	if err := c.prepare(mode, bin); err != nil {
		return err
	}
	if err := step("supervisor and its namespaces", func() error { return c.startSupervisor(ctx) }); err != nil {
		return err
	}
	if mode == modeNode {
		if err := step("network between host and node", func() error { return c.startNetwork(ctx) }); err != nil {
			return err
		}
	}
	if err := step("certificates and configuration", c.configure); err != nil {
		return err
	}
	early := []process{c.etcd(), c.apiServer()}
	if mode == modeNode {
		early = append(early, c.registry(), c.containerd())
	}
	if err := step("etcd and API server", func() error { return c.startAPI(ctx, early) }); err != nil {
		return err
	}
	late := []process{c.controllerManager(), c.scheduler()}
	switch mode {
	case modeKwok:
		late = append(late, c.kwok(), c.provisioner())
	case modeNode:
		late = append(late, c.kubeProxy(), c.provisioner())
	}
	if err := step("controllers, scheduler, first objects", func() error { return c.startLate(ctx, late) }); err != nil {
		return err
	}
	if mode == modeNode {
		if err := step("images of the node itself", func() error { return c.pushSystemImages(ctx) }); err != nil {
			return err
		}
		if err := step("containerd and kubelet", func() error { return c.startKubelet(ctx) }); err != nil {
			return err
		}
	}
	if mode != modeControlPlane {
		if err := step("nodes ready", func() error { return c.awaitNodes(ctx) }); err != nil {
			return err
		}
	}
	if mode == modeNode {
		if err := step("cluster DNS", func() error { return c.awaitDNS(ctx) }); err != nil {
			return err
		}
	}
	c.Ready = true
	return c.save()
}

// prepare clears what a crash left and marks the run dir as ours.
func (c *cluster) prepare(mode clusterMode, bin string) error {
	if c.exists() {
		if err := step("clearing what an earlier start left", c.clear); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return fmt.Errorf("failed to read the run dir: %w", err)
	}
	for _, entry := range entries {
		// This one is ours too: a start that was killed just when it stored its first file.
		if entry.Name() != "cluster.json.new" {
			return fmt.Errorf("%s holds files that are not a cluster's: take another run dir", c.Dir)
		}
	}
	*c = cluster{Name: c.Name, Dir: c.Dir, Mode: mode, Bin: bin, Addresses: loopbackAddresses}
	if mode == modeNode {
		if err := c.requireFreeName(); err != nil {
			return err
		}
		c.EtcdPort, c.PeerPort, c.APIPort = 2379, 2380, 6443
	} else {
		ports, err := freePorts(4)
		if err != nil {
			return err
		}
		c.EtcdPort, c.PeerPort, c.APIPort, c.KwokPort = ports[0], ports[1], ports[2], ports[3]
	}
	if err := c.save(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.path("log"), 0o755); err != nil {
		return err
	}
	if mode == modeNode {
		return c.prepareNode()
	}
	return nil
}

// requireTools finds the folder of this program and checks that what a mode needs lies beside it.
func requireTools(mode clusterMode) (bin string, err error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("failed to find this program: %w", err)
	}
	bin = filepath.Dir(program)
	tools := []string{"devcluster", "kubectl"}
	switch mode {
	case modeKwok:
		tools = append(tools, "kwok")
	case modeNode:
		tools = append(tools, nodeTools...)
		for _, debian := range []string{"nft", "busybox"} {
			if _, err := exec.LookPath(debian); err != nil {
				return "", fmt.Errorf("the program %s is missing: run build.sh node", debian)
			}
		}
	}
	for _, tool := range tools {
		if _, err := os.Stat(filepath.Join(bin, tool)); err != nil {
			return "", fmt.Errorf("%s is missing in %s: run build.sh %s", tool, bin, mode)
		}
	}
	return bin, nil
}

func (c *cluster) startNetwork(ctx context.Context) error {
	supervisor, alive := c.supervisorPID()
	if !alive {
		return errors.New("the supervisor ended: see " + c.logFile("supervisor"))
	}
	if err := c.connect(ctx, supervisor); err != nil {
		return err
	}
	return c.makeCgroups()
}

func (c *cluster) configure() error {
	c.Server = fmt.Sprintf("https://%s:%d", c.Node, c.APIPort)
	if err := c.save(); err != nil {
		return err
	}
	if err := c.makePKI(); err != nil {
		return err
	}
	return c.writeConfig()
}

func (c *cluster) startAPI(ctx context.Context, processes []process) error {
	for _, p := range processes {
		if err := c.start(ctx, p); err != nil {
			return err
		}
	}
	return c.awaitAPI(ctx)
}

func (c *cluster) awaitAPI(ctx context.Context) error {
	api, err := client(c.kubeconfig())
	if err != nil {
		return err
	}
	return c.await(ctx, apiServer, func() bool {
		return api.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil
	})
}

func (c *cluster) startLate(ctx context.Context, processes []process) error {
	for _, p := range processes {
		if err := c.start(ctx, p); err != nil {
			return err
		}
	}
	manifests := []string{"storage.yaml"}
	switch c.Mode {
	case modeKwok:
		manifests = append(manifests, "kwok.yaml")
	case modeNode:
		manifests = append(manifests, "dns.yaml")
	}
	arguments := []string{"apply", "--kubeconfig", c.kubeconfig()}
	for _, manifest := range manifests {
		arguments = append(arguments, "--filename", c.path("config", "manifests", manifest))
	}
	if err := run(ctx, c.tool("kubectl"), arguments...); err != nil {
		return fmt.Errorf("failed to create the first objects: %w", err)
	}
	// Without its default service account a namespace takes no pods.
	api, err := client(c.kubeconfig())
	if err != nil {
		return err
	}
	return c.await(ctx, "kube-controller-manager", func() bool {
		_, err := api.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

// startKubelet waits for containerd first: kubelet ends when it finds none.
func (c *cluster) startKubelet(ctx context.Context) error {
	err := c.await(ctx, "containerd", func() bool { return answers("unix", c.containerdSocket()) })
	if err != nil {
		return err
	}
	return c.start(ctx, c.kubelet())
}

// answers says whether somebody listens there.
func answers(network, address string) bool {
	connection, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

func (c *cluster) awaitNodes(ctx context.Context) error {
	wanted, program := c.SimulatedNodes(), "kwok"
	if c.Mode == modeNode {
		wanted, program = []string{c.NodeName()}, "kubelet"
	}
	api, err := client(c.kubeconfig())
	if err != nil {
		return err
	}
	return c.await(ctx, program, func() bool {
		for _, name := range wanted {
			node, err := api.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil || !nodeReady(node) {
				return false
			}
		}
		return true
	})
}

func nodeReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (c *cluster) awaitDNS(ctx context.Context) error {
	api, err := client(c.kubeconfig())
	if err != nil {
		return err
	}
	err = c.await(ctx, "kubelet", func() bool {
		deployment, err := api.AppsV1().Deployments("kube-system").Get(ctx, "coredns", metav1.GetOptions{})
		return err == nil && deploymentAvailable(deployment)
	})
	if err != nil {
		return errors.Join(err, lastEvents(api))
	}
	return nil
}

func deploymentAvailable(deployment *appsv1.Deployment) bool {
	for _, condition := range deployment.Status.Conditions {
		if condition.Type == appsv1.DeploymentAvailable {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// lastEvents quotes what kubelet and scheduler said about the pods of the system.
func lastEvents(api kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	events, err := api.CoreV1().Events("kube-system").List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return err
	}
	var said []error
	for _, event := range events.Items {
		said = append(said, fmt.Errorf("%s %s: %s", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Message))
	}
	return errors.Join(said...)
}

// await asks until the answer is yes, as long as everything that was started still runs.
func (c *cluster) await(ctx context.Context, program string, ready func() bool) error {
	for !ready() {
		if err := c.requireAlive(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return errors.New("interrupted")
			}
			return fmt.Errorf("%s was not ready in time: %s", program, c.lastLine(program))
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// together does several things at once and returns all that went wrong.
func together(tasks ...func() error) error {
	failures := make([]error, len(tasks))
	var group sync.WaitGroup
	for i, task := range tasks {
		group.Go(func() { failures[i] = task() })
	}
	group.Wait()
	return errors.Join(failures...)
}
