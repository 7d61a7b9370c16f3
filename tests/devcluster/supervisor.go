package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The supervisor is the parent of everything a cluster runs. In node mode it is process 1 of the cluster's own pid
// namespace and holds its network and mount namespaces too, so that its end is the end of all of them: the kernel
// kills what is left inside, drops every mount and deletes the network. Without a node each child asks the kernel
// to be killed when the supervisor ends.

// goAheadFD is the pipe on which the supervisor waits for `up` to have stored its process id: it ends by itself
// when `up` was killed before that, because then nobody could find it.
const goAheadFD = 3

// stopPatience is how long a program may take to end by itself before it is killed. The API server would wait up to
// a minute for open watches to end.
const stopPatience = 5 * time.Second

type supervisor struct {
	mutex    sync.Mutex
	children map[string]*child
	// forks carries work to the one thread that forks: the kernel ties "kill me when my parent ends" to the thread.
	forks chan func()
}

type child struct {
	process
	pid   int
	ended string
	done  chan struct{}
}

// supervise is the supervisor's main: `supervisor RUN_DIR MODE BIN_DIR`.
func supervise() int {
	if err := runSupervisor(os.Args[1], clusterMode(os.Args[2]), os.Args[3]); err != nil {
		log.Print(err)
		return 1
	}
	return 0
}

func runSupervisor(dir string, mode clusterMode, bin string) error {
	goAhead := os.NewFile(goAheadFD, "go-ahead")
	if _, err := goAhead.Read(make([]byte, 1)); err != nil {
		return errors.New("the command that started the supervisor ended too early")
	}
	goAhead.Close()
	if mode == modeNode {
		if err := enterNode(dir, bin); err != nil {
			return err
		}
	} else if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("failed to become the reaper of orphans: %w", err)
	}
	if err := os.Setenv("PATH", bin+":"+os.Getenv("PATH")); err != nil {
		return err
	}

	s := &supervisor{children: map[string]*child{}, forks: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for fork := range s.forks {
			fork()
		}
	}()
	childEnded := make(chan os.Signal, 1)
	signal.Notify(childEnded, syscall.SIGCHLD)
	go s.reap(childEnded)

	listener, err := net.Listen("unix", filepath.Join(dir, "supervisor.sock"))
	if err != nil {
		return fmt.Errorf("failed to listen for commands: %w", err)
	}
	return http.Serve(listener, s.routes())
}

// reap collects ended processes: its own children, and in node mode whatever lost its parent.
func (s *supervisor) reap(childEnded <-chan os.Signal) {
	for range childEnded {
		s.mutex.Lock()
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
			for _, c := range s.children {
				if c.pid == pid && c.ended == "" {
					c.ended = describeEnd(status)
					log.Printf("%s ended: %s", c.Name, c.ended)
					close(c.done)
				}
			}
		}
		s.mutex.Unlock()
	}
}

func describeEnd(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "killed by signal " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

func (s *supervisor) start(p process) error {
	result := make(chan error)
	s.forks <- func() { result <- s.fork(p) }
	return <-result
}

func (s *supervisor) fork(p process) error {
	s.mutex.Lock() // held over the fork, so that reap knows the child before it can end
	defer s.mutex.Unlock()
	if c, known := s.children[p.Name]; known && c.ended == "" {
		return fmt.Errorf("%s runs already", p.Name)
	}
	output, err := os.OpenFile(filepath.Join("log", p.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	pid, err := syscall.ForkExec(p.Argv[0], p.Argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return fmt.Errorf("failed to start %s: %w", p.Argv[0], err)
	}
	log.Printf("%s started", p.Name)
	s.children[p.Name] = &child{process: p, pid: pid, done: make(chan struct{})}
	return nil
}

func (s *supervisor) stop(name string) error {
	s.mutex.Lock()
	c, known := s.children[name]
	if !known || c.ended != "" {
		s.mutex.Unlock()
		return fmt.Errorf("%s does not run", name)
	}
	err := syscall.Kill(c.pid, syscall.SIGTERM)
	s.mutex.Unlock()
	if err != nil {
		return fmt.Errorf("failed to end %s: %w", name, err)
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(stopPatience):
	}
	s.mutex.Lock()
	if c.ended == "" {
		err = syscall.Kill(c.pid, syscall.SIGKILL)
	}
	s.mutex.Unlock()
	if err != nil {
		return fmt.Errorf("failed to kill %s: %w", name, err)
	}
	<-c.done
	return nil
}

// resume starts a stopped program as it was started before.
func (s *supervisor) resume(name string) error {
	s.mutex.Lock()
	c, known := s.children[name]
	s.mutex.Unlock()
	if !known {
		return fmt.Errorf("%s was never started", name)
	}
	return s.start(c.process)
}

func (s *supervisor) states() []processState {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	states := make([]processState, 0, len(s.children))
	for _, c := range s.children {
		state := processState{Name: c.Name, Ended: c.ended}
		if c.ended == "" {
			state.PID, state.Memory = c.pid, memoryOf(c.pid)
		}
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b processState) int { return strings.Compare(a.Name, b.Name) })
	return states
}

func (s *supervisor) routes() http.Handler {
	routes := http.NewServeMux()
	answer := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	}
	routes.HandleFunc("POST /start", func(w http.ResponseWriter, r *http.Request) {
		var p process
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, s.start(p))
	})
	routes.HandleFunc("POST /stop/{name}", func(w http.ResponseWriter, r *http.Request) { answer(w, s.stop(r.PathValue("name"))) })
	routes.HandleFunc("POST /resume/{name}", func(w http.ResponseWriter, r *http.Request) { answer(w, s.resume(r.PathValue("name"))) })
	routes.HandleFunc("GET /processes", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, json.NewEncoder(w).Encode(s.states()))
	})
	return routes
}
