package handlers

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// TaskMessages reads a topic of a task back.
func (h *Handlers) TaskMessages(c echo.Context) error {
	p, s, head, err := h.stand(c, "messages")
	if err != nil {
		return err
	}
	q, wrong := messageQuery(c)
	m := &views.TaskMessages{Head: head, Action: "/tasks/" + s.ID + "/messages", Asked: c.QueryParam("from") != "", Avro: s.Spec.Format != task.CanalJSON}
	topics := s.Spec.Topics()
	if !slices.Contains(topics, q.Topic) && len(topics) > 0 {
		q.Topic = topics[0]
	}
	partitions := 0
	if wrong {
		p.Failed = true
	} else if m.Asked {
		began := h.Now()
		got, err := h.Messages.Read(c.Request().Context(), s.ID, q)
		if err != nil {
			m.Problem = problem(p, err)
		} else {
			partitions = got.Partitions
			m.Summary = p.T("messages.summary", "N", len(got.Messages), "S", seconds(h.Now().Sub(began)))
			m.NoMessages = p.T("messages.none")
			for i := range got.Messages {
				m.Messages = append(m.Messages, s.messageRow(p, &got.Messages[i]))
			}
		}
	}
	fillMessageForm(p, m, q, topics, partitions)
	if wrong {
		m.Offset.Value, m.Offset.Error = c.QueryParam("offset"), p.T("messages.offset_wrong")
	}
	status := http.StatusOK
	if p.Failed {
		status = http.StatusUnprocessableEntity
	}
	return render(c, status, views.TaskMessagesPage(p, m))
}

// Schema gives the Avro schema of the messages as a file.
func (h *Handlers) Schema(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="dts-record.avsc"`)
	return c.Blob(http.StatusOK, "application/json", []byte(h.Deps.Schema))
}

// messageQuery reads what is asked for; wrong: from an offset that is none.
func messageQuery(c echo.Context) (q MessageQuery, wrong bool) {
	q = MessageQuery{Topic: c.QueryParam("topic"), Partition: -1, From: c.QueryParam("from"), Max: 50}
	if n, err := strconv.Atoi(c.QueryParam("partition")); err == nil {
		q.Partition = n
	}
	if q.From != "earliest" && q.From != "offset" {
		q.From = "latest"
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(c.QueryParam("offset")), 10, 64); err == nil && n >= 0 {
		q.Offset = n
	} else {
		wrong = q.From == "offset" // else it is not looked at
	}
	if n, err := strconv.Atoi(c.QueryParam("max")); err == nil && n > 0 {
		q.Max = min(n, 500)
	}
	return q, wrong
}

func fillMessageForm(p *views.Page, m *views.TaskMessages, q MessageQuery, topics []string, partitions int) {
	m.Topic = views.Field{Name: "topic", Label: p.T("tables.topic"), Value: q.Topic}
	for _, t := range topics {
		m.Topic.Options = append(m.Topic.Options, views.Option{Value: t, Text: t})
	}
	m.Partition = views.Field{Name: "partition", Label: p.T("messages.partition"), Value: strconv.Itoa(q.Partition), Options: []views.Option{{Value: "-1", Text: p.T("messages.all")}}}
	for i := range max(partitions, q.Partition+1) {
		m.Partition.Options = append(m.Partition.Options, views.Option{Value: strconv.Itoa(i), Text: strconv.Itoa(i)})
	}
	m.From = views.Field{Name: "from", Label: p.T("messages.from"), Value: q.From}
	for _, f := range []string{"latest", "earliest", "offset"} {
		m.From.Options = append(m.From.Options, views.Option{Value: f, Text: p.T("messages.from." + f)})
	}
	m.Offset = views.Field{Name: "offset", Label: p.T("messages.offset"), InputMode: "numeric", Value: strconv.FormatInt(q.Offset, 10)}
	m.Max = views.Field{Name: "max", Label: p.T("messages.max"), Value: strconv.Itoa(q.Max)}
	for _, n := range []string{"20", "50", "100", "500"} {
		m.Max.Options = append(m.Max.Options, views.Option{Value: n, Text: n})
	}
}

var operationTones = map[string]string{"INSERT": "ok", "INIT": "ok", "UPDATE": "busy", "DELETE": "bad", "DDL": "warn"}

func (s *stand) messageRow(p *views.Page, m *Message) views.Message {
	r := views.Message{Where: "p" + strconv.Itoa(m.Partition) + " @ " + strconv.FormatInt(m.Offset, 10), Key: m.Key, Operation: m.Operation, Object: m.Object,
		SQL: m.SQL, Hex: m.Hex, Size: p.Bytes(int64(m.Size)), Tone: cmp.Or(operationTones[m.Operation], "idle")}
	if m.Time >= 0 {
		r.Time = time.UnixMilli(m.Time).Format("2006-01-02 15:04:05.000")
	}
	if m.Error != "" {
		r.Operation, r.Problem, r.Why = p.T("messages.not_decoded"), p.T("messages.not_decoded_text"), m.Error
	}
	for _, c := range m.Cells {
		r.Cells = append(r.Cells, views.Cell{Name: c.Name, Type: c.Type, Before: c.Before, After: c.After, NoBefore: !c.HasBefore, NoAfter: !c.HasAfter,
			NullBefore: c.NullBefore, NullAfter: c.NullAfter, Changed: c.HasBefore && c.HasAfter && (c.Before != c.After || c.NullBefore != c.NullAfter)})
	}
	gtid := "messages.gtid.mariadb"
	if strings.Contains(m.Tx, ":") { // uuid:number, and not domain-server-number
		gtid = "messages.gtid.mysql"
	}
	for _, f := range []views.Fact{{Name: p.T("messages.position"), Value: s.now.At(m.Position), Code: true}, {Name: p.T(gtid), Value: m.Tx, Code: true}} {
		if f.Value != "" {
			r.Facts = append(r.Facts, f)
		}
	}
	if m.SourceTime > 0 {
		r.Facts = append(r.Facts, views.Fact{Name: p.T("messages.source_time"), Value: p.Time(time.Unix(m.SourceTime, 0))})
	}
	names := make([]string, 0, len(m.Tags))
	for name := range m.Tags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.Facts = append(r.Facts, views.Fact{Name: name, Value: m.Tags[name]})
	}
	return r
}
