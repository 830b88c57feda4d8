#!/bin/sh
# title: SQLite: create, fill, index and query tables, in memory and in a file
# needs: sqlite3
. "$(dirname "$0")/lib.sh"

make_script() {
  by_size 30000 150000
  cat >"$dir/script.sql" <<END
PRAGMA journal_mode = MEMORY;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, note TEXT);
CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer INTEGER, amount INTEGER, item TEXT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $amount)
INSERT INTO customer SELECT i, 'name' || (i * 7919 % 100003), 'city' || (i % 211), hex(zeroblob(i % 40)) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $amount * 2)
INSERT INTO purchase SELECT i, 1 + i * 31 % $amount, i * 16807 % 9973, 'item ' || (i % 499) FROM n;
COMMIT;
CREATE INDEX customer_name ON customer (name);
CREATE INDEX purchase_customer ON purchase (customer, amount);
SELECT city, count(*), sum(amount) FROM customer JOIN purchase ON customer = customer.id GROUP BY city ORDER BY 3 LIMIT 5;
SELECT item, max(amount), min(name) FROM purchase JOIN customer ON customer.id = customer GROUP BY item ORDER BY 3 LIMIT 5;
SELECT count(*) FROM customer WHERE name LIKE '%99%' AND id IN (SELECT customer FROM purchase WHERE amount > 5000);
SELECT count(*), sum(length(list)) FROM (SELECT group_concat(item) AS list FROM purchase GROUP BY customer % 5000);
UPDATE purchase SET item = item || ' sold' WHERE amount % 3 = 0;
DELETE FROM customer WHERE id % 5 = 0;
SELECT count(*), sum(length(item)) FROM purchase;
END
}

work() {
  rm -f "$dir/database"
  sqlite3 :memory: <"$dir/script.sql"
  sqlite3 "$dir/database" <"$dir/script.sql"
}

main make_script work
