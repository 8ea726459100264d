package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales
var files embed.FS

// The languages of the console, by their tags. The first is for those who want another one.
const (
	English = "en"
	Chinese = "zh-CN"
)

// Tags are the languages in the order of the switch.
func Tags() []string { return []string{English, Chinese} }

// Catalogue is all texts.
type Catalogue struct {
	locales map[string]*Locale
	matcher language.Matcher
}

// Locale gives texts of one language.
type Locale struct {
	tag   string
	plain map[string]string // texts without parameters, ready
	keys  map[string]bool
	full  *i18n.Localizer
}

// Load reads the catalogues.
func Load() (*Catalogue, error) {
	bundle := i18n.NewBundle(language.English)
	c := &Catalogue{locales: map[string]*Locale{}, matcher: language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})}
	for _, tag := range Tags() {
		l := &Locale{tag: tag, plain: map[string]string{}, keys: map[string]bool{}}
		names, err := fs.Glob(files, path.Join("locales", tag, "*.json"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if err := l.read(bundle, name); err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
		}
		l.full = i18n.NewLocalizer(bundle, tag)
		c.locales[tag] = l
	}
	return c, nil
}

// read takes one file: an object from key to text, or to {"one": ..., "other": ...}.
func (l *Locale) read(bundle *i18n.Bundle, name string) error {
	data, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	var texts map[string]any
	if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	for key, value := range texts {
		if l.keys[key] {
			return fmt.Errorf("the key %s is there twice", key)
		}
		l.keys[key] = true
		m := &i18n.Message{ID: key}
		switch v := value.(type) {
		case string:
			m.Other = v
			if !strings.Contains(v, "{{") {
				l.plain[key] = v
			}
		case map[string]any:
			m.One, _ = v["one"].(string)
			m.Other, _ = v["other"].(string)
		}
		if m.Other == "" {
			return fmt.Errorf("the key %s has no text", key)
		}
		if err := bundle.AddMessages(language.Make(l.tag), m); err != nil {
			return err
		}
	}
	return nil
}

// Locale gives the texts of a language; those of English for a tag that is not one of Tags.
func (c *Catalogue) Locale(tag string) *Locale {
	if l := c.locales[tag]; l != nil {
		return l
	}
	return c.locales[English]
}

// Match gives the language for what a browser accepts. The matcher's index counts: its tag carries extensions.
func (c *Catalogue) Match(accept string) string {
	want, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return English
	}
	_, index, _ := c.matcher.Match(want...)
	return Tags()[index]
}

// Known reports whether a tag is one of the languages.
func Known(tag string) bool { return tag == English || tag == Chinese }

// Tag is the language of the texts.
func (l *Locale) Tag() string { return l.tag }

// Has reports whether there is a text for a key.
func (l *Locale) Has(key string) bool { return l.keys[key] }

// T gives the text of a key. Args are names and values in turn: T("task.x", "Name", name).
func (l *Locale) T(key string, args ...any) string {
	if text, ok := l.plain[key]; ok {
		return text
	}
	return l.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: pairs(args)})
}

// N gives the text of a key for a number, which the text may name {{.N}}.
func (l *Locale) N(key string, n int64, args ...any) string {
	data := pairs(args)
	data["N"] = l.Number(n)
	return l.localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: data})
}

// localize gives the key itself where there is no text: a page with a strange word is better than none.
func (l *Locale) localize(c *i18n.LocalizeConfig) string {
	text, err := l.full.Localize(c)
	if err != nil {
		return c.MessageID
	}
	return text
}

func pairs(args []any) map[string]any {
	data := make(map[string]any, len(args)/2+1)
	for i := 0; i+1 < len(args); i += 2 {
		if name, ok := args[i].(string); ok {
			data[name] = args[i+1]
		}
	}
	return data
}
