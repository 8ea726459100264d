package oracle

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const mysqlText = `# at 157
#261125  3:15:56 server id 1  end_log_pos 234 CRC32 0x324d3722 	GTID	last_committed=0	sequence_number=1	rbr_only=no
SET @@SESSION.GTID_NEXT= 'aa-bb:1'/*!*/;
# at 234
#261125  3:15:56 server id 1  end_log_pos 355 CRC32 0x3b3cc779 	Query	thread_id=9	exec_time=0	error_code=0	Xid = 3
use ` + "`d`" + `/*!*/;
SET TIMESTAMP=1795576556/*!*/;
create table t (id int primary key,
  v varchar(9))
/*!*/;
# at 355
#261125  3:15:56 server id 1  end_log_pos 434 CRC32 0x36e604c8 	GTID	last_committed=1	sequence_number=2	rbr_only=yes
SET @@SESSION.GTID_NEXT= 'aa-bb:2'/*!*/;
# at 434
#261125  3:15:56 server id 1  end_log_pos 500 CRC32 0x36e604c8 	Query	thread_id=9	exec_time=0	error_code=0
SET TIMESTAMP=1795576556/*!*/;
BEGIN
/*!*/;
# at 500
#261125  3:15:56 server id 1  end_log_pos 600 CRC32 0x36e604c8 	Table_map: ` + "`d`.`t`" + ` mapped to number 106
# at 600
#261125  3:15:56 server id 1  end_log_pos 700 CRC32 0x36e604c8 	Write_rows: table id 106 flags: STMT_END_F
### INSERT INTO ` + "`d`.`t`" + `
### SET
###   @1=1 /* INT meta=0 nullable=0 is_null=0 */
###   @2='/* x */' /* VARSTRING(36) meta=36 nullable=1 is_null=0 */
### INSERT INTO ` + "`d`.`noise`" + `
### SET
###   @1=1
### UPDATE ` + "`d`.`t`" + `
### WHERE
###   @1=1
###   @2='/* x */'
### SET
###   @1=2
###   @2=NULL
# at 700
#261125  3:15:56 server id 1  end_log_pos 731 CRC32 0x2ac0e958 	Xid = 9
COMMIT/*!*/;
# at 731
#261125  3:15:56 server id 1  end_log_pos 800 CRC32 0x36e604c8 	GTID	last_committed=1	sequence_number=3	rbr_only=yes
SET @@SESSION.GTID_NEXT= 'aa-bb:3'/*!*/;
# at 800
#261125  3:15:56 server id 1  end_log_pos 900 CRC32 0x36e604c8 	Delete_rows: table id 106 flags: STMT_END_F
### DELETE FROM ` + "`d`.`t`" + `
### WHERE
###   @1=2
###   @2=NULL
# at 900
#261125  3:15:56 server id 1  end_log_pos 950 CRC32 0x36e604c8 	Query	thread_id=9	exec_time=0	error_code=0
SET TIMESTAMP=1795576556/*!*/;
ROLLBACK
/*!*/;
`

const mariaText = `# at 328
#261125  3:17:07 server id 3  end_log_pos 370 CRC32 0x71232700 	GTID 0-3-1 ddl
/*M!100001 SET @@session.gtid_seq_no=1*//*!*/;
# at 370
#261125  3:17:07 server id 3  end_log_pos 459 CRC32 0x2dcaf2da 	Query	thread_id=4	exec_time=0	error_code=0	xid=0
use ` + "`d`" + `/*!*/;
create table t (id int primary key, v varchar(9))
/*!*/;
# at 459
#261125  3:17:22 server id 3  end_log_pos 501 CRC32 0x827945d1 	GTID 0-3-2 trans
/*M!100001 SET @@session.gtid_seq_no=2*//*!*/;
START TRANSACTION
/*!*/;
# at 501
# at 560
#261125  3:17:22 server id 3  end_log_pos 560 CRC32 0xbc2c8f39 	Annotate_rows:
#Q> insert into t values (1,
#Q> '### DELETE')
#261125  3:17:22 server id 3  end_log_pos 600 CRC32 0x4276bcfd 	Table_map: ` + "`d`.`t`" + ` mapped to number 21
# at 600
#261125  3:17:22 server id 3  end_log_pos 700 CRC32 0xcd992990 	Write_rows: table id 21 flags: STMT_END_F
### INSERT INTO ` + "`d`.`t`" + `
### SET
###   @1=1
###   @2='it's'
# Number of rows: 1
# at 700
#261125  3:17:22 server id 3  end_log_pos 731 CRC32 0x2298f798 	Xid = 11
COMMIT/*!*/;
# at 731
#261125  3:17:22 server id 3  end_log_pos 773 CRC32 0x827945d1 	GTID 0-3-3 trans
START TRANSACTION
/*!*/;
### DELETE FROM ` + "`d`.`t`" + `
### WHERE
###   @1=1
###   @2='it's'
`

func read(t *testing.T, flavor, text string) (*Ledger, error) {
	t.Helper()
	l := NewLedger(LedgerOptions{Flavor: flavor, Texts: true, Tables: []Selection{{Name: "d.t"}}})
	return l, l.Read(strings.NewReader(text), 7)
}

func TestReadMySQLText(t *testing.T) {
	t.Parallel()
	l, err := read(t, "mysql", mysqlText)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Changes) != 2 || l.Changes[0].Op != OpInsert || l.Changes[1].Op != OpUpdate || l.Changes[1].Row != 1 || l.Changes[1].Old == l.Changes[1].New {
		t.Fatalf("changes %+v", l.Changes)
	}
	if got := l.text(l.Changes[0].After) + l.text(l.Changes[1].After); got != "{id=1 v=/* x */}{id=2 v=NULL}" {
		t.Error(got)
	}
	want := []Txn{{"aa-bb:1", Position{7, 157}, Position{7, 355}}, {"aa-bb:2", Position{7, 355}, Position{7, 731}}}
	if !slices.Equal(l.Txns, want) {
		t.Errorf("transactions %v, want %v", l.Txns, want)
	}
	if len(l.Statements) != 1 || l.Statements[0].Objects[0] != "d.t" || l.Live("d.t") != 1 {
		t.Errorf("statements %+v, %d rows", l.Statements, l.Live("d.t"))
	}
}

func TestReadMariaDBText(t *testing.T) {
	t.Parallel()
	l, err := read(t, "mariadb", mariaText)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Changes) != 1 || l.text(l.Changes[0].After) != "{id=1 v=it's}" {
		t.Fatalf("changes %+v", l.Changes)
	}
	if txn := l.Txns[l.Changes[0].Txn]; txn != (Txn{"0-3-2", Position{7, 459}, Position{7, 731}}) {
		t.Errorf("transaction %v", txn)
	}
}

// TestLedgerRefusesToGuess changes the text so that the oracle can't know what happened.
func TestLedgerRefusesToGuess(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"a before image that never was": {"### WHERE\n###   @1=1\n###   @2='/* x */'", "### WHERE\n###   @1=1\n###   @2='y'"},
		"a row too short":               {"###   @1=2\n###   @2=NULL\n# at 700", "###   @1=2\n# at 700"},
		"a row too long":                {"###   @1=2\n###   @2=NULL\n# at 700", "###   @1=2\n###   @2=NULL\n###   @3=1\n# at 700"},
		"rows before CREATE TABLE":      {"create table t ", "create table u "},
		"an unknown escape":             {"'/* x */' /*", `'\q' /*`},
		"an unknown type":               {"v varchar(9)", "v geometry"},
		"a statement in place of rows":  {"BEGIN\n", "INSERT INTO t VALUES (1)\n"},
	} {
		if !strings.Contains(mysqlText, change[0]) {
			t.Errorf("%s: the text does not hold %q", name, change[0])
		}
		if _, err := read(t, "mysql", strings.Replace(mysqlText, change[0], change[1], 1)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestReadLedgerReportsTheTool(t *testing.T) {
	t.Parallel()
	tool := func(...string) *exec.Cmd { return exec.Command("sh", "-c", "echo bad file >&2; exit 3") }
	_, err := ReadLedger(LedgerOptions{}, []string{"/x/bin.000001"}, tool)
	if err == nil || !strings.Contains(err.Error(), "bin.000001") || !strings.Contains(err.Error(), "bad file") {
		t.Errorf("got %v", err)
	}
}
