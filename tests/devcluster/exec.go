package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// exec becomes the command. In node mode it runs in the cluster's network and resolves names with the cluster's
// DNS; files, processes and user stay the caller's.
func (c *cluster) exec(command []string) error {
	if !c.isUp() {
		return errNotUp
	}
	if c.Mode == modeNode {
		// Namespaces belong to threads: this one enters, and this one becomes the command.
		runtime.LockOSThread()
		if err := c.enterNetwork(); err != nil {
			return err
		}
	}
	if err := os.Setenv("KUBECONFIG", c.kubeconfig()); err != nil {
		return err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("failed to run %s: %w", program, unix.Exec(program, command, os.Environ()))
}

func (c *cluster) enterNetwork() error {
	supervisor, _ := c.supervisorPID()
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", supervisor.PID))
	if err != nil {
		return fmt.Errorf("failed to open the cluster's network (needs root): %w", err)
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("failed to enter the cluster's network: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("failed to make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("failed to set the propagation of mounts: %w", err)
	}
	if err := unix.Mount(c.path("resolv.conf"), "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("failed to mount the cluster's resolv.conf: %w", err)
	}
	return nil
}
