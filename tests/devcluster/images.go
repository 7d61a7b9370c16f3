package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// loadImage pushes an image into the cluster's registry, where the node finds it under the name it is given here,
// and makes the node forget an older image of that name. Without a name it takes the one in the archive.
func (c *cluster) loadImage(ctx context.Context, source, name string) error {
	if !c.isUp() {
		return errNotUp
	}
	if c.Mode != modeNode {
		return fmt.Errorf("the cluster %s has no real node: its pods need no images", c.Name)
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	layout := source
	if !info.IsDir() {
		docker, err := readArchiveFile(source, "manifest.json")
		if err != nil {
			return fmt.Errorf("failed to read the image archive %s: %w", source, err)
		}
		oci, err := readArchiveFile(source, "oci-layout")
		if err != nil {
			return fmt.Errorf("failed to read the image archive %s: %w", source, err)
		}
		switch {
		case oci != nil: // also when it is both: crane would compress the layers of the other form, twice
			layout, err = os.MkdirTemp(c.Dir, "image-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(layout)
			if err := unpackArchive(source, layout); err != nil {
				return fmt.Errorf("failed to unpack %s: %w", source, err)
			}
		case docker != nil:
			layout = ""
			if name == "" {
				name = dockerName(docker)
			}
		default:
			return fmt.Errorf("%s is neither a docker nor an OCI archive", source)
		}
	}
	if layout != "" {
		source = layout
		if name == "" {
			name = layoutName(layout)
		}
	}
	if name == "" {
		return usageError("load-image: the image has no name of its own, so it needs one here")
	}
	path, full, err := imageNames(name)
	if err != nil {
		return err
	}
	if err := c.crane(ctx, "push", source, c.Registry()+"/"+path); err != nil {
		return err
	}
	// Otherwise pods that do not always pull would go on with the older one.
	if err := run(ctx, c.tool("ctr"), "--address", c.containerdSocket(), "--namespace", "k8s.io", "images", "remove", full); err != nil {
		return fmt.Errorf("failed to make the node forget the older %s: %w", full, err)
	}
	fmt.Println(full)
	return nil
}

// imageNames are an image's path in the cluster's registry, which stands for every registry, and its name in full
// as container runtimes write it: "busybox" is library/busybox:latest and docker.io/library/busybox:latest.
func imageNames(name string) (path, full string, err error) {
	if strings.Contains(name, "@") {
		return "", "", usageError("load-image: an image is loaded under a tag, not under a digest")
	}
	registry, path, found := strings.Cut(name, "/")
	if !found || !strings.ContainsAny(registry, ".:") && registry != "localhost" {
		registry, path = "docker.io", name
	}
	if registry == "docker.io" && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	if !strings.Contains(path[strings.LastIndexByte(path, '/')+1:], ":") {
		path += ":latest"
	}
	return path, registry + "/" + path, nil
}

// dockerName reads an image's name from the manifest of a docker archive.
func dockerName(manifest []byte) string {
	var images []struct{ RepoTags []string }
	if json.Unmarshal(manifest, &images) == nil && len(images) > 0 && len(images[0].RepoTags) > 0 {
		return images[0].RepoTags[0]
	}
	return ""
}

// layoutName reads an image's name from the index of an OCI layout.
func layoutName(layout string) string {
	var index struct {
		Manifests []struct{ Annotations map[string]string }
	}
	content, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil || json.Unmarshal(content, &index) != nil || len(index.Manifests) == 0 {
		return ""
	}
	annotations := index.Manifests[0].Annotations
	if full := annotations["io.containerd.image.name"]; full != "" {
		return full
	}
	return annotations["org.opencontainers.image.ref.name"]
}

// readArchiveFile reads one file of a tar archive; nil when it is not in there.
func readArchiveFile(archive, name string) ([]byte, error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if filepath.Clean(header.Name) == name {
			return io.ReadAll(reader)
		}
	}
}

// unpackArchive unpacks the plain files of an archive; an OCI layout holds no other.
func unpackArchive(archive, folder string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	root, err := os.OpenRoot(folder) // names in the archive cannot lead out of it
	if err != nil {
		return err
	}
	defer root.Close()
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		name := filepath.Clean(header.Name)
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		output, err := root.Create(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(output, reader)
		if err := errors.Join(err, output.Close()); err != nil {
			return err
		}
	}
}

func (c *cluster) crane(ctx context.Context, arguments ...string) error {
	if err := run(ctx, c.tool("crane"), append(arguments, "--insecure")...); err != nil {
		return fmt.Errorf("%w (see %s)", err, c.logFile("registry"))
	}
	return nil
}
