package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	heartbeat  = 15 * time.Second
	maxTopics  = 64
	sendWithin = 10 * time.Second
)

// events is the live stream of one browser, for all of its tabs: server-sent events, each with HTML for parts of pages.
func (s *Server) events(c echo.Context) error {
	topics := strings.Split(c.QueryParam("t"), ",")
	if len(topics) > maxTopics {
		return echo.ErrNotFound
	}
	w := c.Response()
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithCancelCause(c.Request().Context())
	defer cancel(nil)
	out := &stream{w: w, c: http.NewResponseController(w.Writer)}
	if err := out.write(fmt.Sprintf("retry: 1000\nevent: hello\ndata: %s\n\n", s.boot)); err != nil {
		return nil //nolint:nilerr // the browser is gone
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.beat(ctx, cancel, cookie(c, sessionCookie), out) })
	err := s.h.Live(ctx, c, topics, out.html)
	cancel(nil)
	wg.Wait()
	if err != nil && !errors.Is(err, errGone) && ctx.Err() == nil {
		s.Log.Warn("a live stream broke off", "error", err)
	}
	return nil // the answer has begun: there is no page for an error any more
}

// beat keeps proxies from closing a quiet stream, and ends it with its session.
func (s *Server) beat(ctx context.Context, cancel context.CancelCauseFunc, session string, out *stream) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		user, err := s.Sessions.SessionUser(ctx, session)
		if err == nil && user == "" {
			_ = out.write("event: auth\ndata: over\n\n")
			cancel(errGone)
			return
		}
		if out.write(": beat\n\n") != nil {
			cancel(errGone)
			return
		}
	}
}

var errGone = errors.New("the browser is gone")

// stream writes events, one at a time. A browser that does not read is let go.
type stream struct {
	mu sync.Mutex
	w  *echo.Response
	c  *http.ResponseController
}

func (s *stream) html(text string) error {
	return s.write("data: " + strings.ReplaceAll(text, "\n", "\ndata: ") + "\n\n")
}

func (s *stream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.c.SetWriteDeadline(time.Now().Add(sendWithin)) // not every writer has one
	if _, err := s.w.Write([]byte(text)); err != nil {
		return errGone
	}
	s.w.Flush()
	return nil
}
