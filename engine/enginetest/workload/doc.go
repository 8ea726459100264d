// Package workload writes to a MySQL or MariaDB server the way the worst applications do, so that a task that copies
// the tables meanwhile has something to get wrong: hot rows, changes of keys, rollbacks, transactions over several
// tables, statements of many rows, DDL.
//
// The tables: t_int (bigint key, the big one), t_uint (unsigned key over the sign bit), t_comp (int and varbinary),
// t_uuid (binary(16)), t_text (utf8mb4 text key in the default collation), t_words (long text key in many spellings),
// t_mixed (ENUM, latin1 text and date), t_bin (text key by code points, padded with spaces), t_nokey, t_wide (all
// types), t_ddl (gets ALTERs and TRUNCATE), t_renamed (leaves its name and comes back); t_noise is not to be selected.
//
// Values keep to what mysqlbinlog and mariadb-binlog print without loss: no backslashes, FLOATs of six digits.
package workload
