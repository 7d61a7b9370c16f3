package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// startSupervisor starts the supervisor and waits until it takes commands.
func (c *cluster) startSupervisor(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("failed to find this program: %w", err)
	}
	output, err := os.OpenFile(c.logFile("supervisor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("failed to open the supervisor's log: %w", err)
	}
	defer output.Close()
	wait, goAhead, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("failed to make a pipe: %w", err)
	}
	defer goAhead.Close()

	command := exec.Command(program, "supervisor", c.Dir, string(c.Mode), c.Bin)
	command.Dir, command.Stdout, command.Stderr = c.Dir, output, output
	command.ExtraFiles = []*os.File{wait} // becomes goAheadFD
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.Mode == modeNode {
		command.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID
	}
	err = command.Start()
	wait.Close()
	if err != nil {
		return fmt.Errorf("failed to start the supervisor: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()

	self, alive := identify(command.Process.Pid)
	if !alive {
		return fmt.Errorf("the supervisor ended at once: see %s", c.logFile("supervisor"))
	}
	record := fmt.Sprintf("%d %d\n", self.PID, self.Start)
	if err := writeFile(c.path("supervisor.pid"), []byte(record), 0o644); err != nil {
		return fmt.Errorf("failed to store the supervisor's process id: %w", err)
	}
	if _, err := goAhead.Write([]byte{1}); err != nil {
		return fmt.Errorf("failed to release the supervisor: %w", err)
	}
	for {
		if _, err := c.processes(ctx); err == nil {
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the supervisor ended (%v): %s", err, c.lastLine("supervisor"))
		case <-ctx.Done():
			return fmt.Errorf("the supervisor does not answer: see %s", c.logFile("supervisor"))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// supervisorPID reads which process is the supervisor, and whether it lives.
func (c *cluster) supervisorPID() (identity, bool) {
	record, err := os.ReadFile(c.path("supervisor.pid"))
	if err != nil {
		return identity{}, false
	}
	var recorded identity
	if _, err := fmt.Sscan(string(record), &recorded.PID, &recorded.Start); err != nil {
		return identity{}, false
	}
	return recorded, recorded.alive()
}

func (c *cluster) ask(ctx context.Context, method, path string, body, answer any) error {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.path("supervisor.sock"))
		},
	}}
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("failed to reach the supervisor: %w", err)
	}
	defer response.Body.Close()
	content, err = io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("failed to read the supervisor's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(content)))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}

func (c *cluster) processes(ctx context.Context) ([]processState, error) {
	var states []processState
	err := c.ask(ctx, http.MethodGet, "/processes", nil, &states)
	return states, err
}

func (c *cluster) start(ctx context.Context, p process) error {
	return c.ask(ctx, http.MethodPost, "/start", p, nil)
}

// requireAlive fails when a program of the cluster has ended, and says why and where to read on.
func (c *cluster) requireAlive(ctx context.Context) error {
	states, err := c.processes(ctx)
	if err != nil {
		return err
	}
	for _, state := range states {
		if state.Ended != "" {
			return fmt.Errorf("%s ended (%s): %s", state.Name, state.Ended, c.lastLine(state.Name))
		}
	}
	return nil
}

// lastLine quotes the end of a program's log, with the log's path.
func (c *cluster) lastLine(of string) string {
	content, _ := os.ReadFile(c.logFile(of)) // without a log the path alone has to do
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return fmt.Sprintf("%s\n  see %s", lines[len(lines)-1], c.logFile(of))
}
