package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
)

// An image without a container engine: one layer with programs, written as a docker archive.

// systemImage is an image that every node starts with.
type systemImage struct {
	name  string
	files map[string]string // path in the image to path on the machine
	links map[string]string // path in the image to what it links to
	// defaults are what a container of the image runs, in the form of the OCI image configuration
	defaults map[string]any
}

// applets are the commands of the busybox image.
var applets = []string{
	"[", "base64", "basename", "cat", "chmod", "chown", "cmp", "cp", "cut", "date", "dd", "df", "diff", "dirname", "du",
	"echo", "env", "expr", "false", "find", "free", "grep", "gunzip", "gzip", "head", "hostname", "id", "ip", "kill",
	"ln", "ls", "md5sum", "mkdir", "mktemp", "mount", "mv", "nc", "netstat", "nslookup", "ping", "printf", "ps", "pwd",
	"readlink", "rm", "rmdir", "sed", "seq", "sh", "sha256sum", "sleep", "sort", "stat", "tail", "tar", "tee", "test",
	"timeout", "touch", "tr", "true", "umount", "uname", "uniq", "vi", "wc", "wget", "which", "whoami", "xargs", "yes",
}

func (c *cluster) systemImages() ([]systemImage, error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("failed to find busybox: %w", err)
	}
	shell := systemImage{
		name: "library/busybox:latest", files: map[string]string{"bin/busybox": busybox}, links: map[string]string{},
		defaults: map[string]any{"Cmd": []string{"sh"}, "Env": []string{"PATH=/bin"}},
	}
	for _, applet := range applets {
		shell.links["bin/"+applet] = "busybox"
	}
	return []systemImage{
		{name: "devcluster/pause:1", files: map[string]string{"pause": c.tool("pause")}, defaults: map[string]any{"Entrypoint": []string{"/pause"}}},
		{name: "devcluster/coredns:1", files: map[string]string{"coredns": c.tool("coredns")}, defaults: map[string]any{"Entrypoint": []string{"/coredns"}}},
		shell,
	}, nil
}

// pushSystemImages builds these images and pushes them into the cluster's registry.
func (c *cluster) pushSystemImages(ctx context.Context) error {
	images, err := c.systemImages()
	if err != nil {
		return err
	}
	if err := c.await(ctx, "registry", func() bool { return answers("tcp", c.Registry()) }); err != nil {
		return err
	}
	tasks := make([]func() error, 0, len(images))
	for _, image := range images {
		tasks = append(tasks, func() error {
			archive, err := os.CreateTemp(c.Dir, "image-")
			if err != nil {
				return err
			}
			defer os.Remove(archive.Name())
			if err := errors.Join(image.write(archive), archive.Close()); err != nil {
				return fmt.Errorf("failed to build the image %s: %w", image.name, err)
			}
			return c.crane(ctx, "push", archive.Name(), c.Registry()+"/"+image.name)
		})
	}
	return together(tasks...)
}

// write writes the image as a docker archive.
func (i systemImage) write(to io.Writer) error {
	var layer bytes.Buffer
	if err := i.writeLayer(&layer); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": i.defaults,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{i.name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(to)
	for _, file := range []struct {
		name    string
		content []byte
	}{{"manifest.json", manifest}, {"config.json", config}, {"layer.tar", layer.Bytes()}} {
		if err := addFile(archive, file.name, file.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

func (i systemImage) writeLayer(to io.Writer) error {
	layer := tar.NewWriter(to)
	// Programs may run as any user and find a place to write.
	if err := layer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}); err != nil {
		return err
	}
	for name, source := range i.files {
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := addFile(layer, name, content); err != nil {
			return err
		}
	}
	for name, target := range i.links {
		if err := layer.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}); err != nil {
			return err
		}
	}
	return layer.Close()
}

func addFile(archive *tar.Writer, name string, content []byte) error {
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}
