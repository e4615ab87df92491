-- Tables, indexes, joins, windows, text search and a vacuum, with nothing random in it.
.bail on
.parameter init
PRAGMA journal_mode = WAL;
PRAGMA cache_size = -2000;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, grp INTEGER, price REAL, body BLOB);
CREATE TABLE sale (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item, day INTEGER, n INTEGER);
BEGIN;
WITH RECURSIVE seq(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM seq WHERE i < 20000)
INSERT INTO item SELECT i, printf('item %x', i * 2654435761 % 4294967296), i * 7919 % 97, i * 37 % 1000 / 10.0,
    zeroblob(i * 31 % 700) FROM seq;
WITH RECURSIVE seq(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM seq WHERE i < 60000)
INSERT INTO sale SELECT i, 1 + i * 48271 % 20000, i * 16807 % 365, 1 + i % 9 FROM seq;
COMMIT;
CREATE INDEX item_name ON item (name);
CREATE INDEX item_group ON item (grp, price);
CREATE INDEX sale_item ON sale (item, day);
SELECT grp, count(*), round(sum(price * n), 2), max(day) FROM item JOIN sale ON sale.item = item.id GROUP BY grp ORDER BY 3 DESC LIMIT 20;
SELECT day, sum(n), sum(sum(n)) OVER (ORDER BY day ROWS 6 PRECEDING) FROM sale GROUP BY day ORDER BY day LIMIT 40;
SELECT length(group_concat(name, ',')), count(DISTINCT substr(name, 6, 2)) FROM item WHERE id % 3 = 0;
SELECT name, (SELECT count(*) FROM sale WHERE item = item.id) c FROM item WHERE name LIKE '%ab%' ORDER BY c DESC, name LIMIT 30;
BEGIN;
UPDATE item SET body = zeroblob(3000), name = name || ' again' WHERE grp BETWEEN 10 AND 30;
DELETE FROM sale WHERE day % 2 = 1;
SAVEPOINT half;
DELETE FROM item WHERE id % 2 = 0;
ROLLBACK TO half;
COMMIT;
CREATE TABLE wide AS SELECT i.*, s.day, s.n FROM item i LEFT JOIN sale s ON s.item = i.id;
SELECT count(*), sum(length(body)), sum(day), sum(n) FROM wide;
DROP TABLE wide;
VACUUM;
ANALYZE;
PRAGMA integrity_check;
SELECT count(*), sum(length(body)), min(name), max(name) FROM item;
