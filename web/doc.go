// Package web is the HTTP server of the console: routes, what stands before every action (language, session, origin
// and token, headers), rendering, errors, and the wire format of the live stream. It knows no task and no store.
package web
