package main

import (
	"fmt"
	"path/filepath"
)

// part is one of the programs inside this binary.
func (c *cluster) part(name string, flags ...string) process {
	return process{Name: name, Argv: append([]string{c.tool("devcluster"), name}, flags...)}
}

// tool is the path of a program that build.sh built.
func (c *cluster) tool(name string) string { return filepath.Join(c.Bin, name) }

func (c *cluster) etcd() process {
	clients, peers := fmt.Sprintf("http://127.0.0.1:%d", c.EtcdPort), fmt.Sprintf("http://127.0.0.1:%d", c.PeerPort)
	return c.part("etcd", "--data-dir", c.path("etcd"), "--name", c.Name,
		"--unsafe-no-fsync", // the data need not outlive a crash of the machine
		"--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", c.Name+"="+peers)
}

const apiServer = "kube-apiserver"

func (c *cluster) apiServer() process {
	pki := func(file string) string { return c.path("pki", file) }
	p := c.part(apiServer,
		"--etcd-servers", fmt.Sprintf("http://127.0.0.1:%d", c.EtcdPort),
		"--bind-address", c.Node, "--advertise-address", c.Node, "--secure-port", fmt.Sprint(c.APIPort),
		"--tls-cert-file", pki("apiserver.crt"), "--tls-private-key-file", pki("apiserver.key"), "--client-ca-file", pki("ca.crt"),
		"--service-account-key-file", pki("service-accounts.key"), "--service-account-signing-key-file", pki("service-accounts.key"),
		"--service-account-issuer", "https://kubernetes.default.svc.cluster.local",
		"--authorization-mode", "Node,RBAC", "--allow-privileged",
		"--service-cluster-ip-range", c.Services,
		"--kubelet-certificate-authority", pki("ca.crt"), "--kubelet-client-certificate", pki("kubelet-client.crt"),
		"--kubelet-client-key", pki("kubelet-client.key"), "--kubelet-preferred-address-types", "InternalIP",
		"--audit-policy-file", c.path("config", "audit-policy.yaml"), "--audit-log-path", c.path("log", "audit.log"),
		"--audit-log-maxsize", "1024", // MiB: tests count lines, so it had better not be rotated under them
	)
	if c.Mode != modeNode {
		// Nobody can reach the API through its Service, and the address of a loopback interface is not allowed there.
		p.Argv = append(p.Argv, "--endpoint-reconciler-type", "none")
	}
	return p
}

func (c *cluster) controllerManager() process {
	return c.part("kube-controller-manager", "--kubeconfig", c.programKubeconfig("kube-controller-manager"),
		"--service-account-private-key-file", c.path("pki", "service-accounts.key"), "--root-ca-file", c.path("pki", "ca.crt"),
		"--cluster-signing-cert-file", c.path("pki", "ca.crt"), "--cluster-signing-key-file", c.path("pki", "ca.key"),
		"--use-service-account-credentials", "--leader-elect=false", "--secure-port", "0",
		"--kube-api-qps", "300", "--kube-api-burst", "600") // at 20 a second its own start would take seconds
}

func (c *cluster) scheduler() process {
	return c.part("kube-scheduler", "--kubeconfig", c.programKubeconfig("kube-scheduler"), "--leader-elect=false", "--secure-port", "0")
}

func (c *cluster) provisioner() process {
	return c.part("provisioner", c.programKubeconfig("provisioner"), c.path("volumes"))
}

func (c *cluster) kwok() process {
	return process{Name: "kwok", Argv: []string{c.tool("kwok"), "--kubeconfig", c.programKubeconfig("kwok"), "--config", c.path("config", "kwok-stages.yaml"),
		"--manage-all-nodes=true", "--node-lease-duration-seconds", "40",
		"--node-ip", "127.0.0.1", "--cidr", c.Pods, "--server-address", fmt.Sprintf("127.0.0.1:%d", c.KwokPort)}}
}
