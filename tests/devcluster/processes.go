package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
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
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return identity{}, false
	}
	// The name in the second field may hold spaces and brackets: the fields are counted from its end.
	_, rest, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')'):], []byte(" "))
	fields := strings.Fields(string(rest))
	if !found || len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return identity{}, false
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return identity{PID: pid, Start: start}, err == nil
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
