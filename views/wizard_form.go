package views

import "strings"

// Form is the values of the fields of a step, by name, and what is wrong with them.
type Form struct {
	Values map[string]string
	Errors []FieldError
}

// traits are what fields have beside their texts.
var traits = map[string]Field{
	"name":              {Required: true},
	"source_host":       {Required: true, Autocomplete: "off", Placeholder: "db.example.com"},
	"source_port":       {Required: true, InputMode: "numeric"},
	"source_user":       {Required: true, Autocomplete: "off"},
	"source_password":   {Type: "password", Autocomplete: "new-password"},
	"source_region":     {List: regions},
	"source_instance":   {Placeholder: "rm-bp1xxxxxxxxxxxxxx", Autocomplete: "off"},
	"target_hosts":      {Required: true, Autocomplete: "off", Placeholder: "k1.example.com, k2.example.com"},
	"target_port":       {Required: true, InputMode: "numeric"},
	"target_user":       {Autocomplete: "off"},
	"target_password":   {Type: "password", Autocomplete: "new-password"},
	"topic_new":         {Autocomplete: "off"},
	"ddl_topic":         {Autocomplete: "off"},
	"dead_letter_topic": {Autocomplete: "off"},
	"topic_partitions":  {InputMode: "numeric"},
	"topic_replication": {InputMode: "numeric"},
	"from_position":     {Placeholder: "mysql-bin.000078:4", Autocomplete: "off"},
	"from_time":         {Placeholder: "2026-01-31 12:00:00", Autocomplete: "off"},
	"to_schema":         {Autocomplete: "off"},
	"to_name":           {Autocomplete: "off"},
	"table_topic":       {Autocomplete: "off"},
}

// regions are suggestions; any other may be typed.
var regions = []string{"cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote", "cn-shenzhen", "cn-guangzhou", "cn-chengdu",
	"cn-hongkong", "ap-southeast-1", "ap-southeast-5", "ap-northeast-1", "us-west-1", "us-east-1", "eu-central-1", "eu-west-1", "me-east-1"}

// Field is the control of a name, with its texts "wizard.field.NAME" and "wizard.hint.NAME".
func (f *Form) Field(p *Page, name string) Field {
	out := traits[name]
	out.Name, out.Label, out.Value, out.Error = name, p.T("wizard.field."+name), f.Values[name], f.Error(name)
	if key := "wizard.hint." + name; p.Has(key) {
		out.Hint = p.T(key)
	}
	return out
}

// Error is what is wrong with a field.
func (f *Form) Error(name string) string {
	var all []string
	for _, e := range f.Errors {
		if e.Name == name {
			all = append(all, e.Text)
		}
	}
	return strings.Join(all, " ")
}

// Choices is a field with options, whose texts are "wizard.option.NAME.VALUE", or the value where there is no such text.
func (f *Form) Choices(p *Page, name string, values ...string) Field {
	out := f.Field(p, name)
	for _, v := range values {
		o := Option{Value: v, Text: v}
		suffix := v
		if v == "" {
			suffix = "none"
		}
		if key := "wizard.option." + name + "." + suffix; p.Has(key) {
			o.Text = p.T(key)
		}
		if key := "wizard.option." + name + "." + suffix + ".hint"; p.Has(key) {
			o.Hint = p.T(key)
		}
		out.Options = append(out.Options, o)
	}
	return out
}

// With changes the hint of a field.
func (f Field) With(hint string) Field {
	f.Hint = hint
	return f
}
