// Package i18n holds every text of the console in Chinese and English, one catalogue a language and area below
// locales/, and says which language a reader wants. A key is area.object.word; tests see to it that every key is in
// both languages, is used, and that every key used is there.
package i18n
