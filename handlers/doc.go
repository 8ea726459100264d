// Package handlers is what the console does: one file per action, named object_verb. An action parses what came, calls
// one of the small interfaces of [Deps], builds the view model of its page and renders it. It knows no server, store
// or engine; the web room routes to it and has already seen to session, origin and token.
package handlers
