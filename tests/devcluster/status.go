package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (c *cluster) status(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if !c.exists() {
		return fmt.Errorf("%w: %s", errNotUp, c.Dir)
	}
	if !c.isUp() {
		return fmt.Errorf("the cluster %s in %s did not start, or has ended (devcluster down clears it up)", c.Name, c.Dir)
	}
	fmt.Printf("cluster     %s (%s)\nrun dir     %s\nkubeconfig  %s\nAPI         %s\n", c.Name, c.Mode, c.Dir, c.kubeconfig(), c.Server)
	if c.Mode == modeNode {
		supervisor, _ := c.supervisorPID()
		fmt.Printf("registry    %s\npods        %s\nservices    %s\nnamespaces  of process %d\n", c.Registry(), c.Pods, c.Services, supervisor.PID)
	}
	states, err := c.processes(ctx)
	if err != nil {
		return err
	}
	fmt.Println("\nprogram                  state                    memory")
	var total int64
	for _, state := range states {
		condition := fmt.Sprintf("pid %d", state.PID)
		if state.Ended != "" {
			condition = "ended: " + state.Ended
		}
		total += state.Memory
		fmt.Printf("%-24s %-20s %6d MiB\n", state.Name, condition, state.Memory>>20)
	}
	fmt.Printf("%-45s %6d MiB\n", "together", total>>20)

	api, err := client(c.kubeconfig())
	if err != nil {
		return err
	}
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("the API server does not answer: %w (see %s)", err, c.logFile(apiServer))
	}
	var names []string
	for _, node := range nodes.Items {
		condition := "not ready"
		if nodeReady(&node) {
			condition = "ready"
		}
		names = append(names, fmt.Sprintf("%s (%s)", node.Name, condition))
	}
	if len(names) > 0 {
		fmt.Printf("\nnodes       %s\n", strings.Join(names, ", "))
	}
	return nil
}
