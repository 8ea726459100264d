package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/handlers"
	"sluice/static"
	"sluice/views/i18n"
)

// Sessions tells whose a session is; empty where it is over.
type Sessions interface {
	SessionUser(ctx context.Context, session string) (string, error)
}

// Options are what differs from one server to the other.
type Options struct {
	Handlers handlers.Deps // Sessions is the server's own
	Sessions Sessions
	Key      []byte // 32 bytes, for tokens of forms
	Demo     string // what a demo stands on; empty in production
	Open     bool   // other machines can reach it
	Log      *slog.Logger
	Now      func() time.Time
}

// Server is the console. It is a http.Handler, so that tests need no port.
type Server struct {
	Options
	echo   *echo.Echo
	h      *handlers.Handlers
	texts  *i18n.Catalogue
	files  *static.Files
	origin *http.CrossOriginProtection
	boot   string // of this process: pages of another one load themselves anew
}

// New gives a server that does not listen yet.
func New(o Options) (*Server, error) {
	texts, err := i18n.Load()
	if err != nil {
		return nil, err
	}
	files, err := static.Load()
	if err != nil {
		return nil, err
	}
	s := &Server{Options: o, echo: echo.New(), texts: texts, files: files, origin: http.NewCrossOriginProtection(), boot: o.Now().UTC().Format("20060102150405.000")}
	s.Handlers.Sessions, s.Handlers.Now = cookies{}, o.Now
	s.h = handlers.New(s.Handlers)
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.Renderer = renderer{}
	s.echo.HTTPErrorHandler = s.fail
	s.echo.IPExtractor = echo.ExtractIPDirect() // no header may choose whose attempts are counted
	s.routes()
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// Serve answers on the listener until ctx is over, then lets requests end for a moment.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	// Streams last: there is no write timeout, but every request ends with ctx.
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn)}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	err := server.Serve(l)
	if stop() { // it failed by itself
		return err
	}
	return <-stopped
}
