package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `devcluster stands up a real Kubernetes 1.37 on this machine.

  devcluster up [--mode control-plane|kwok|node]   start a cluster (default: node as root, else kwok)
  devcluster down                                  end it and remove everything it made
  devcluster status                                what runs, where, and how much memory it takes
  devcluster kubeconfig                            print the path of the kubeconfig
  devcluster kubectl ARGS...                       kubectl, on this cluster
  devcluster exec -- COMMAND...                    run a command in the cluster's network, with its DNS
  devcluster load-image TAR_OR_OCI_DIR [REF]       make an image available to pods as REF (node mode)
  devcluster restart-apiserver [--down-for 10s]    stop the API server, wait, start it again

Every command takes, right after its name:
  --name NAME      which cluster (default dev): up to 12 of a-z, 0-9 and '-'
  --run-dir DIR    where its state lives (default $XDG_STATE_HOME/openvox-devcluster/NAME)
`

// errNotUp is what commands answer that need a running cluster.
var errNotUp = errors.New("no cluster is running here (start one with: devcluster up)")

// runCommand runs one command of the command line and returns the exit code.
func runCommand(args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		fmt.Print(usage)
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := dispatch(ctx, args[0], args[1:]); err != nil {
		var usageError usageError
		switch {
		case errors.Is(err, flag.ErrHelp):
			fmt.Print(usage)
			return 0
		case errors.As(err, &usageError):
			fmt.Fprintf(os.Stderr, "devcluster: %v\n\n%s", err, usage)
			return 2
		}
		fmt.Fprintf(os.Stderr, "devcluster: %v\n", err)
		return 1
	}
	return 0
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func dispatch(ctx context.Context, name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // runCommand prints one usage for all
	clusterName := flags.String("name", "dev", "")
	runDir := flags.String("run-dir", "", "")
	var mode string
	var downFor time.Duration
	switch name {
	case "up":
		flags.StringVar(&mode, "mode", "", "")
	case "restart-apiserver":
		flags.DurationVar(&downFor, "down-for", 0, "")
	}

	// kubectl has flags of its own: only ours that stand first are taken.
	own, rest := args, []string(nil)
	if name == "kubectl" {
		own, rest = leadingFlags(args)
	}
	if err := flags.Parse(own); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError(err.Error())
	}
	if name != "kubectl" {
		rest = flags.Args()
	}
	c, err := openCluster(*clusterName, *runDir)
	if err != nil {
		return err
	}

	arguments := func(least, most int) error {
		if len(rest) < least || len(rest) > most {
			return usageError(fmt.Sprintf("%s: wrong number of arguments", name))
		}
		return nil
	}
	switch name {
	case "up":
		if err := arguments(0, 0); err != nil {
			return err
		}
		return c.up(ctx, clusterMode(mode))
	case "down":
		if err := arguments(0, 0); err != nil {
			return err
		}
		return c.down(ctx)
	case "status":
		if err := arguments(0, 0); err != nil {
			return err
		}
		return c.status(ctx)
	case "kubeconfig":
		if err := arguments(0, 0); err != nil {
			return err
		}
		if !c.isUp() {
			return errNotUp
		}
		fmt.Println(c.kubeconfig())
		return nil
	case "kubectl":
		if !c.isUp() {
			return errNotUp
		}
		if err := os.Setenv("KUBECONFIG", c.kubeconfig()); err != nil {
			return err
		}
		os.Args = append([]string{"kubectl"}, rest...)
		os.Exit(runKubectl())
	case "exec":
		if len(rest) == 0 {
			return usageError("exec: no command given")
		}
		return c.exec(rest)
	case "load-image":
		if err := arguments(1, 2); err != nil {
			return err
		}
		return c.loadImage(ctx, rest[0], strings.Join(rest[1:], ""))
	case "restart-apiserver":
		if err := arguments(0, 0); err != nil {
			return err
		}
		return c.restartAPIServer(ctx, downFor)
	}
	return usageError("unknown command " + name)
}

// leadingFlags splits off the --name and --run-dir that stand before kubectl's own arguments.
func leadingFlags(args []string) (own, rest []string) {
	rest = args
	for len(rest) > 0 {
		flagName, _, joined := strings.Cut(rest[0], "=")
		if flagName != "--name" && flagName != "--run-dir" {
			break
		}
		taken := 2
		if joined {
			taken = 1
		}
		taken = min(taken, len(rest))
		own, rest = append(own, rest[:taken]...), rest[taken:]
	}
	return own, rest
}

// step says what is being done and, afterwards, how long it took.
func step(what string, do func() error) error {
	began := time.Now()
	fmt.Printf("  %-46s ", what)
	err := do()
	if err != nil {
		fmt.Println("failed")
		return err
	}
	fmt.Printf("%6.2f s\n", time.Since(began).Seconds())
	return nil
}
