package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// restartAPIServer stops the API server, leaves it down for a while and starts it again as it was.
func (c *cluster) restartAPIServer(ctx context.Context, downFor time.Duration) error {
	if !c.isUp() {
		return errNotUp
	}
	err := step("stopping the API server", func() error {
		return c.ask(ctx, http.MethodPost, "/stop/"+apiServer, nil, nil)
	})
	if err != nil {
		return err
	}
	err = step(fmt.Sprintf("leaving it down for %s", downFor), func() error {
		select {
		case <-ctx.Done(): // interrupted: it is started all the same
		case <-time.After(downFor):
		}
		return nil
	})
	if err != nil {
		return err
	}
	return step("starting it", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), upPatience)
		defer cancel()
		if err := c.ask(ctx, http.MethodPost, "/resume/"+apiServer, nil, nil); err != nil {
			return err
		}
		return c.awaitAPI(ctx)
	})
}
