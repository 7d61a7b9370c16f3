package main

import (
	"fmt"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// makeKubeconfigs writes the user's kubeconfig and one for each program of the cluster, all self-contained.
func (c *cluster) makeKubeconfigs(ca *authority) error {
	users := []struct{ path, user, group string }{
		{c.kubeconfig(), "devcluster-admin", "system:masters"},
		{c.programKubeconfig("kube-controller-manager"), "system:kube-controller-manager", ""},
		{c.programKubeconfig("kube-scheduler"), "system:kube-scheduler", ""},
		{c.programKubeconfig("kubelet"), "system:node:" + c.NodeName(), "system:nodes"},
		{c.programKubeconfig("kube-proxy"), "system:kube-proxy", ""},
		// What the simulated nodes and the provisioner may do is not what is tested here.
		{c.programKubeconfig("kwok"), "devcluster-kwok", "system:masters"},
		{c.programKubeconfig("provisioner"), "devcluster-provisioner", "system:masters"},
	}
	for _, u := range users {
		issued, err := ca.client(u.user, u.group)
		if err != nil {
			return err
		}
		context := "devcluster-" + c.Name
		config := clientcmdapi.Config{
			Clusters:       map[string]*clientcmdapi.Cluster{context: {Server: c.Server, CertificateAuthorityData: ca.pem.certificate}},
			AuthInfos:      map[string]*clientcmdapi.AuthInfo{context: {ClientCertificateData: issued.certificate, ClientKeyData: issued.key}},
			Contexts:       map[string]*clientcmdapi.Context{context: {Cluster: context, AuthInfo: context}},
			CurrentContext: context,
		}
		content, err := clientcmd.Write(config)
		if err != nil {
			return err
		}
		if err := writeFile(u.path, content, 0o600); err != nil {
			return fmt.Errorf("failed to write a kubeconfig: %w", err)
		}
	}
	return nil
}

func (c *cluster) programKubeconfig(program string) string {
	return c.path("pki", program+".kubeconfig")
}

// client talks to the API as the user of a kubeconfig.
func client(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("failed to read the kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 200, 400 // of the provisioner too, which must keep up with scale tests
	config.WarningHandler = rest.NoWarnings{}
	return kubernetes.NewForConfig(config)
}
