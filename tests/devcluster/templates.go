package main

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"text/template"
)

// templates are the configuration files of the cluster's programs and the objects a cluster starts with.
//
//go:embed all:templates
var templates embed.FS

// kwokStages is a file of templates itself, so it is none of ours.
//
//go:embed verbatim/kwok-stages.yaml
var kwokStages []byte

// render fills a template in. Templates use what the cluster type exports.
func (c *cluster) render(name string) ([]byte, error) {
	parsed, err := template.ParseFS(templates, name)
	if err != nil {
		return nil, fmt.Errorf("failed to parse the template %s: %w", name, err)
	}
	var content bytes.Buffer
	if err := parsed.Execute(&content, c); err != nil {
		return nil, fmt.Errorf("failed to fill the template %s in: %w", name, err)
	}
	return content.Bytes(), nil
}

// writeConfig writes the configuration of every program under config/.
func (c *cluster) writeConfig() error {
	err := fs.WalkDir(templates, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := c.render(name)
		if err != nil {
			return err
		}
		relative := strings.TrimPrefix(name, "templates/")
		if relative == "resolv.conf" { // `exec` mounts it, so it is no mere detail of ours
			return writeFile(c.path(relative), content, 0o644)
		}
		return writeFile(c.path("config", filepath.FromSlash(relative)), content, 0o644)
	})
	if err == nil {
		err = writeFile(c.path("config", "kwok-stages.yaml"), kwokStages, 0o644)
	}
	if err != nil {
		return fmt.Errorf("failed to write the configuration: %w", err)
	}
	return nil
}

// SimulatedNodes are the names of the nodes that kwok plays.
func (c *cluster) SimulatedNodes() []string {
	if c.Mode != modeKwok {
		return nil
	}
	return []string{c.Name + "-kwok-1", c.Name + "-kwok-2", c.Name + "-kwok-3"}
}
