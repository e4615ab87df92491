-- A database in memory: rows inserted, indexed, joined, changed and removed; strings and JSON made and taken apart.
-- `rounds` is a table of one number, made by the caller.
PRAGMA temp_store = memory;
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
CREATE TABLE booking (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, amount INTEGER NOT NULL, note TEXT NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT n FROM rounds) * 100)
  INSERT INTO customer SELECT i, printf('customer %d of many', i * 7919 % 100003), printf('city %d', i % 211) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT n FROM rounds) * 1000)
  INSERT INTO booking
  SELECT i, i * 48271 % ((SELECT n FROM rounds) * 100) + 1, i * 69621 % 1000, substr(hex(i * 2654435761), 1, 6 + i % 24) FROM n;
CREATE INDEX booking_by_customer ON booking (customer, amount);
CREATE INDEX booking_by_note ON booking (note);
SELECT count(*), sum(amount), count(DISTINCT note) FROM booking;
SELECT city, count(*), sum(amount), max(length(name || note))
  FROM customer JOIN booking ON booking.customer = customer.id GROUP BY city ORDER BY sum(amount) DESC, city LIMIT 5;
SELECT length(group_concat(upper(name) || lower(note), ';')) FROM customer JOIN booking ON booking.customer = customer.id
  WHERE amount % 3 = 0;
SELECT sum(json_extract(document, '$.amount')), sum(length(document)) FROM
  (SELECT json_object('id', id, 'amount', amount, 'notes', json_array(note, substr(note, 2), customer)) AS document FROM booking
    WHERE id % 4 = 0);
UPDATE booking SET note = note || '/' || customer, amount = amount + 1 WHERE amount BETWEEN 100 AND 500;
DELETE FROM booking WHERE amount % 7 = 0;
SELECT count(*), sum(amount), sum(length(note)) FROM booking;
