"""What the demo's shop asks its database, ordinary and problematic. `%s` stand for bound parameters."""

from __future__ import annotations

CUSTOMER = "SELECT id, name, email, country, segment FROM customers WHERE id = %s"
ADDRESSES = "SELECT id, kind, street, city, postcode FROM addresses WHERE customer_id = %s"
PRODUCT = "SELECT id, name, description, price FROM products WHERE id = %s AND active"
REVIEWS = "SELECT rating, body, created_at FROM reviews WHERE product_id = %s ORDER BY created_at DESC LIMIT 10"
SOLD = "SELECT sum(quantity) AS sold, count(*) AS orders FROM order_items WHERE product_id = %s"
NEW_ORDERS = "SELECT count(*), sum(total) FROM orders WHERE created_at > now() - interval '1 hour'"
PAID = "SELECT id, method, amount FROM payments WHERE order_id = %s AND status = 'settled'"
TRACKING = "SELECT carrier, promised_at, delivered_at FROM shipments WHERE order_id = %s"

ADD_ORDER = """
INSERT INTO orders (customer_id, status, channel, total, created_at)
VALUES (%s, 'pending', 'web', %s, now()) RETURNING id"""
ADD_ITEM = "INSERT INTO order_items (order_id, product_id, quantity, unit_price) VALUES (%s, %s, %s, %s)"
ADD_PAYMENT = """
INSERT INTO payments (order_id, method, status, amount, created_at) VALUES (%s, 'card', 'settled', %s, now())"""
TAKE_STOCK = (
    "UPDATE inventory SET quantity = quantity - %s, updated_at = now() WHERE product_id = %s AND warehouse = %s"
)
SET_STATUS = "UPDATE orders SET status = %s WHERE id = %s"
ADD_EVENT = "INSERT INTO events (customer_id, kind, path, created_at) VALUES (%s, %s, %s, now())"

ORDER_LINES = """
SELECT i.id, i.quantity, i.unit_price, p.name
FROM order_items i JOIN products p ON p.id = i.product_id
WHERE i.order_id = %s"""
"""The foreign key order_items.order_id has no index: every order page reads the whole table."""

ORDER_TOTAL = "SELECT sum(quantity * unit_price * (1 - discount)) FROM order_items WHERE order_id = %s"
"""The same missing index."""

ORDER_HISTORY = """
SELECT id, total, channel, created_at FROM orders
WHERE customer_id = %s AND status = %s ORDER BY created_at DESC LIMIT 20"""
"""A filter with an order: wants the index (customer_id, status, created_at)."""

OVERDUE = """
SELECT id, order_id, carrier, promised_at FROM shipments
WHERE delivered_at IS NULL ORDER BY promised_at LIMIT 50"""
"""One row in a hundred is undelivered: wants a partial index."""

LOGIN = "SELECT id, name, segment FROM customers WHERE lower(email) = %s"
"""The unique index on email cannot serve lower(email)."""

LISTING = "SELECT id FROM products WHERE category_id = %s ORDER BY created_at DESC LIMIT 24"
LISTED_PRODUCT = "SELECT name, price, active FROM products WHERE id = %s"
LISTED_STOCK = "SELECT sum(quantity) FROM inventory WHERE product_id = %s"
"""N+1: the listing fetches 24 ids, then each product and its stock by a statement of its own."""

SALES_REPORT = """
SELECT i.product_id, date_trunc('week', o.created_at) AS week, sum(i.quantity * i.unit_price) AS revenue,
       count(DISTINCT o.customer_id) AS buyers
FROM order_items i JOIN orders o ON o.id = i.order_id
WHERE o.created_at > now() - interval '400 days'
GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 200"""
"""Joins and sorts more than work_mem holds: spills to temporary files."""

EVENT_REPORT = """
SELECT path, count(*) AS times FROM events
WHERE kind = %s AND created_at > now() - interval '30 days' GROUP BY path ORDER BY 2 DESC LIMIT 10"""
"""The statistics of events are from its first days: the planner's row counts are far off."""
