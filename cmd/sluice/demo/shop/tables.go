package shop

import (
	"iter"
	"math/rand/v2"
)

// Database is the name of the demo's database.
const Database = "shop"

// Rows that the tables begin with.
const (
	customers  = 20_000
	products   = 2_000
	orders     = 50_000
	pageViews  = 27_000
	fieldTypes = 1_000
)

// table is one table and the rows that it begins with.
type table struct {
	name    string
	columns string // definitions
	rows    func(*rand.Rand) iter.Seq[[]any]
}

// Tables gives the names of all tables.
func Tables() []string {
	var out []string
	for _, t := range tables {
		out = append(out, t.name)
	}
	return out
}

var tables = []table{
	{"customers", `
		id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
		nickname VARCHAR(80) NOT NULL,
		email VARCHAR(120) NOT NULL,
		city VARCHAR(60) NOT NULL,
		note TEXT,
		points INT NOT NULL DEFAULT 0,
		vip TINYINT(1) NOT NULL DEFAULT 0,
		birthday DATE,
		created_at DATETIME(3) NOT NULL,
		last_seen TIMESTAMP(3) NULL,
		UNIQUE KEY email (email)`, customerRows},
	{"products", `
		id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
		sku CHAR(12) NOT NULL,
		title VARCHAR(160) NOT NULL,
		category ENUM('家居','图书','食品','玩具','服装','other') NOT NULL,
		labels SET('new','sale','热卖','organic') NOT NULL,
		price DECIMAL(10,2) NOT NULL,
		stock INT NOT NULL,
		weight DOUBLE,
		attributes JSON,
		updated_at TIMESTAMP(3) NULL,
		UNIQUE KEY sku (sku)`, productRows},
	{"orders", `
		id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
		customer_id BIGINT UNSIGNED NOT NULL,
		status ENUM('new','paid','packed','shipped','done','cancelled') NOT NULL,
		total DECIMAL(12,2) NOT NULL,
		currency CHAR(3) NOT NULL,
		message VARCHAR(200),
		placed_at DATETIME(6) NOT NULL,
		changed_at TIMESTAMP(3) NULL,
		KEY customer (customer_id)`, orderRows},
	{"order_items", `
		order_id BIGINT UNSIGNED NOT NULL,
		line SMALLINT UNSIGNED NOT NULL,
		product_id INT UNSIGNED NOT NULL,
		title VARCHAR(160) NOT NULL,
		quantity SMALLINT UNSIGNED NOT NULL,
		price DECIMAL(10,2) NOT NULL,
		PRIMARY KEY (order_id, line),
		KEY product (product_id)`, itemRows},
	// A log without any key, in which rows may be equal.
	{"page_views", `
		visitor CHAR(12) NOT NULL,
		customer_id BIGINT UNSIGNED,
		path VARCHAR(120) NOT NULL,
		agent VARCHAR(80) NOT NULL,
		seconds SMALLINT UNSIGNED NOT NULL,
		seen_at DATETIME(3) NOT NULL`, viewRows},
	// Wide: one column of each type.
	{"field_types", `
		id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
		c_tinyint TINYINT, c_tinyint_u TINYINT UNSIGNED,
		c_smallint SMALLINT, c_smallint_u SMALLINT UNSIGNED,
		c_mediumint MEDIUMINT, c_mediumint_u MEDIUMINT UNSIGNED,
		c_int INT, c_int_u INT UNSIGNED,
		c_bigint BIGINT, c_bigint_u BIGINT UNSIGNED,
		c_decimal DECIMAL(12,3), c_decimal_long DECIMAL(38,10),
		c_float FLOAT, c_double DOUBLE,
		c_bit BIT(1), c_bits BIT(40),
		c_year YEAR, c_date DATE, c_time TIME, c_time_us TIME(6),
		c_datetime DATETIME, c_datetime_us DATETIME(6),
		c_timestamp TIMESTAMP NULL, c_timestamp_us TIMESTAMP(6) NULL,
		c_char CHAR(10), c_varchar VARCHAR(100),
		c_latin1 VARCHAR(40) CHARACTER SET latin1, c_gbk VARCHAR(40) CHARACTER SET gbk,
		c_tinytext TINYTEXT, c_text TEXT, c_mediumtext MEDIUMTEXT, c_longtext LONGTEXT,
		c_binary BINARY(8), c_varbinary VARBINARY(32),
		c_tinyblob TINYBLOB, c_blob BLOB, c_mediumblob MEDIUMBLOB, c_longblob LONGBLOB,
		c_enum ENUM('小','中','大'), c_set SET('a','b','c','丁'),
		c_json JSON`, fieldRows},
}
