package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program the supervisor runs.
type process struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
}

// processState is what the supervisor knows of a program it started.
type processState struct {
	Name string `json:"name"`
	// PID is the process id as the supervisor sees it, so in node mode inside the pid namespace; 0 when it ended.
	PID int `json:"pid"`
	// Ended tells how it ended, empty while it runs.
	Ended string `json:"ended,omitempty"`
	// Memory is the resident memory in bytes.
	Memory int64 `json:"memory"`
}

// identity names a process beyond the reuse of its process id.
type identity struct {
	PID int
	// Start is the start time in clock ticks since boot.
	Start uint64
}

// identify finds the identity of a live process; a process that only waits to be reaped counts as ended.
func identify(pid int) (identity, bool) {
	fields, err := statFields(pid)
	if err != nil || len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return identity{}, false
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return identity{PID: pid, Start: start}, err == nil
}

// statFields are the fields of a process's stat file after its name: state, parent, and so on.
func statFields(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name may hold spaces and brackets: what follows its last bracket is the rest.
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])), nil
}

func (i identity) alive() bool {
	now, alive := identify(i.PID)
	return alive && now == i
}

// end kills the process and waits until it is gone.
func (i identity) end(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for i.alive() {
		if err := syscall.Kill(i.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("failed to end process %d: %w", i.PID, err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d did not end within %s", i.PID, patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// children lists the processes that a process started.
func (i identity) children() []identity {
	folders, _ := filepath.Glob("/proc/[0-9]*") // fails for a bad pattern only
	var found []identity
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		if child, alive := identify(pid); alive && parentOf(pid) == i.PID {
			found = append(found, child)
		}
	}
	return found
}

// parentOf finds a process's parent, 0 when there is none.
func parentOf(pid int) int {
	fields, _ := statFields(pid)
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}

// memoryOf reads the resident memory of a process, in bytes.
func memoryOf(pid int) int64 {
	fields, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(fields), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// run runs a program to its end. When this process is killed, the kernel kills the program with it.
func run(ctx context.Context, program string, arguments ...string) error {
	runtime.LockOSThread() // the kernel means the end of the thread that started the program
	defer runtime.UnlockOSThread()
	command := exec.CommandContext(ctx, program, arguments...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s failed (%w): %s", filepath.Base(program), arguments[0], err, bytes.TrimSpace(output))
	}
	return nil
}
