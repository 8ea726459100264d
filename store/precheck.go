package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

type runRow struct {
	ID      int64  `db:"id"`
	Subject string `db:"subject"`
	BodySum string `db:"body_sum"`
	BeganAt int64  `db:"began_at"`
	EndedAt int64  `db:"ended_at"`
}

type itemRow struct {
	Run      int64  `db:"run"`
	Seq      int    `db:"seq"`
	ID       string `db:"id"`
	Group    string `db:"grp"`
	Status   string `db:"status"`
	Severity string `db:"severity"`
	Code     string `db:"code"`
	Params   string `db:"params"` // JSON
	Observed string `db:"observed"`
	Expected string `db:"expected"`
	Cause    string `db:"cause"`
	Fix      string `db:"fix"`
	Millis   int64  `db:"millis"`
	AckBy    string `db:"ack_by"`
	AckWhy   string `db:"ack_why"`
}

// BeginCheck keeps the start of a precheck and gives its id.
func (s *Store) BeginCheck(ctx context.Context, subject, bodySum string) (id int64, err error) {
	err = s.write(ctx, lazy, "beginning a precheck", func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &id, "INSERT INTO precheck_run (subject, body_sum, began_at) VALUES (?, ?, ?) RETURNING id", subject, bodySum, s.now().UnixMilli())
	})
	return id, err
}

// SaveCheck keeps items of a run, new ones and newer outcomes of known ones; over ends the run.
func (s *Store) SaveCheck(ctx context.Context, run int64, items []task.CheckItem, over bool) error {
	return s.write(ctx, lazy, "keeping a precheck", func(tx *sqlx.Tx) error {
		for i, it := range items {
			params, err := json.Marshal(it.Params)
			if err != nil {
				return err
			}
			_, err = tx.NamedExecContext(ctx, `INSERT INTO precheck_item (run, seq, id, grp, status, severity, code, params, observed, expected, cause, fix, millis, ack_by, ack_why)
				VALUES (:run, :seq, :id, :grp, :status, :severity, :code, :params, :observed, :expected, :cause, :fix, :millis, :ack_by, :ack_why)
				ON CONFLICT DO UPDATE SET seq = excluded.seq, grp = excluded.grp, status = excluded.status, severity = excluded.severity,
				code = excluded.code, params = excluded.params, observed = excluded.observed,
				expected = excluded.expected, cause = excluded.cause, fix = excluded.fix, millis = excluded.millis, ack_by = excluded.ack_by, ack_why = excluded.ack_why`,
				itemRow{run, i, it.ID, it.Group, it.Status, it.Severity, it.Code, string(params), it.Observed, it.Expected, it.Cause, it.Fix, it.Took.Milliseconds(), it.AcknowledgedBy, it.AcknowledgedWhy})
			if err != nil {
				return err
			}
		}
		if !over {
			return nil
		}
		_, err := tx.ExecContext(ctx, "UPDATE precheck_run SET ended_at = ? WHERE id = ?", s.now().UnixMilli(), run)
		return err
	})
}

// Acknowledge keeps that a person takes a warning upon himself, and why.
func (s *Store) Acknowledge(ctx context.Context, run int64, item, user, why string) error {
	return s.write(ctx, durable, "acknowledging a warning", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE precheck_item SET ack_by = ?, ack_why = ? WHERE run = ? AND id = ? AND status = 'failed' AND severity = 'warning'", user, why, run, item)
		return err
	})
}

// Checks gives the newest runs of a subject with their items, the newest first.
func (s *Store) Checks(ctx context.Context, subject string, limit int) ([]task.CheckRun, error) {
	var runs []runRow
	if err := s.pages.SelectContext(ctx, &runs, "SELECT * FROM precheck_run WHERE subject = ? ORDER BY id DESC LIMIT ?", subject, limit); err != nil {
		return nil, failure("reading prechecks", err)
	}
	out := make([]task.CheckRun, len(runs))
	for i, r := range runs {
		out[i] = task.CheckRun{ID: r.ID, Subject: r.Subject, BodySum: r.BodySum, Began: time.UnixMilli(r.BeganAt)}
		if r.EndedAt > 0 {
			out[i].Ended = time.UnixMilli(r.EndedAt)
		}
		var items []itemRow
		if err := s.pages.SelectContext(ctx, &items, "SELECT * FROM precheck_item WHERE run = ? ORDER BY seq", r.ID); err != nil {
			return nil, failure("reading prechecks", err)
		}
		for _, it := range items {
			var params map[string]string
			if err := json.Unmarshal([]byte(it.Params), &params); err != nil {
				return nil, failure("reading prechecks", err)
			}
			out[i].Items = append(out[i].Items, task.CheckItem{ID: it.ID, Group: it.Group, Status: it.Status, Severity: it.Severity, Code: it.Code, Params: params, Observed: it.Observed,
				Expected: it.Expected, Cause: it.Cause, Fix: it.Fix, Took: time.Duration(it.Millis) * time.Millisecond, AcknowledgedBy: it.AckBy, AcknowledgedWhy: it.AckWhy})
		}
	}
	return out, nil
}
