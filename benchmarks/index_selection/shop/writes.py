"""What the shop writes. `calls` is for one busy hour; the judge rolls every one back."""

from __future__ import annotations

from benchmarks.index_selection.shop.reads import T

NOW = "'2025-07-01 00:00:00'"

WRITES = (
    T(
        "place_order",
        5_200,
        "INSERT INTO orders (customer_id, number, status, channel, placed_at, total, currency, ship_address_id)"
        f" VALUES ({{customer}}, {{number}}, 'pending', 'web', {NOW}, {{total}}, 'EUR', {{customer}})",
        lambda d: {"customer": d.customer(), "number": d.fresh(), "total": d.random.randint(8, 400)},
    ),
    T(
        "add_lines",
        5_200,
        "INSERT INTO order_item (order_id, line_no, product_id, quantity, unit_price) VALUES"
        " ({order}, 7, {first}, 1, 19.90), ({order}, 8, {second}, 2, 9.90)",
        lambda d: {"order": d.order(), "first": d.product(), "second": d.product()},
    ),
    T(
        "start_payment",
        5_400,
        "INSERT INTO payment (order_id, provider, reference, state, amount, created_at)"
        f" VALUES ({{order}}, 'card', {{reference}}, 'authorised', {{amount}}, {NOW})",
        lambda d: {"order": d.order(), "reference": d.fresh(), "amount": d.random.randint(8, 400)},
    ),
    T(
        "capture",
        2_400,
        f"UPDATE payment SET state = 'captured', captured_at = {NOW} WHERE reference = {{reference}}",
        lambda d: {"reference": d.reference()},
    ),
    T(
        "take_order",
        4_800,
        "UPDATE orders SET status = 'processing', assigned_to = {agent} WHERE id = {id}",
        lambda d: {"agent": d.key(40), "id": d.late(700_000, 0.003)},
    ),
    T(
        "ship",
        4_600,
        f"UPDATE orders SET status = 'shipped', shipped_at = {NOW} WHERE id = {{id}}",
        lambda d: {"id": d.late(700_000, 0.005)},
    ),
    T(
        "reserve",
        12_000,
        f"UPDATE inventory SET reserved = reserved + 1, updated_at = {NOW}"
        " WHERE product_id = {product} AND warehouse_id = {warehouse}",
        lambda d: {"product": d.product(), "warehouse": d.key(4)},
    ),
    T(
        "receive_stock",
        800,
        f"INSERT INTO inventory VALUES ({{product}}, {{warehouse}}, {{count}}, 0, 5, {NOW})"
        " ON CONFLICT (product_id, warehouse_id) DO UPDATE SET on_hand = inventory.on_hand + excluded.on_hand",
        lambda d: {"product": d.product(), "warehouse": d.key(4), "count": d.random.randint(1, 50)},
    ),
    T(
        "put_in_cart",
        15_000,
        f"INSERT INTO cart_item VALUES ({{cart}}, {{product}}, 1, {NOW})"
        " ON CONFLICT (cart_id, product_id) DO UPDATE SET quantity = cart_item.quantity + 1",
        lambda d: {"cart": d.cart(), "product": d.product()},
    ),
    T("touch_cart", 20_000, f"UPDATE cart SET updated_at = {NOW} WHERE id = {{id}}", lambda d: {"id": d.cart()}),
    T(
        "take_from_cart",
        3_000,
        "DELETE FROM cart_item WHERE cart_id = {cart} AND product_id = {product}",
        lambda d: {"cart": d.cart(), "product": d.product()},
    ),
    T(
        "expire_carts",
        2,
        "DELETE FROM cart WHERE id IN (SELECT id FROM cart WHERE status = 'expired' AND updated_at < {before}"
        " ORDER BY updated_at LIMIT 200)",
        lambda d: {"before": d.ago(400, 500)},
    ),
    T(
        "seen",
        16_000,
        f"UPDATE customer SET last_login_at = {NOW} WHERE id = {{id}}",
        lambda d: {"id": d.customer()},
    ),
    T(
        "forget_addresses",
        40,
        "DELETE FROM address WHERE customer_id = {id} AND NOT is_default",
        lambda d: {"id": d.customer()},
    ),
    T(
        "write_review",
        300,
        "INSERT INTO review (product_id, customer_id, rating, state, title, body, created_at)"
        f" VALUES ({{product}}, {{customer}}, 5, 'pending', 'Good', 'It does what it says.', {NOW})",
        lambda d: {"product": d.product(), "customer": d.customer()},
    ),
    T(
        "publish_review",
        280,
        f"UPDATE review SET state = 'published', moderated_at = {NOW} WHERE id = {{id}}",
        lambda d: {"id": d.late(180_000, 0.003)},
    ),
    T(
        "set_price",
        400,
        f"UPDATE product SET price = {{price}}, updated_at = {NOW} WHERE sku = {{sku}}",
        lambda d: {"price": d.random.randint(5, 300), "sku": d.sku()},
    ),
    T(
        "move_stock",
        12_000,
        "INSERT INTO stock_movement (product_id, warehouse_id, kind, quantity, order_id, created_at)"
        f" VALUES ({{product}}, {{warehouse}}, 'sale', 1, {{order}}, {NOW})",
        lambda d: {"product": d.product(), "warehouse": d.key(4), "order": d.order()},
    ),
    T(
        "enqueue",
        18_000,
        "INSERT INTO job (queue, state, run_at, attempts, payload, created_at)"
        f" VALUES ({{queue}}, 'ready', {NOW}, 0, '{{\"order\": 1}}', {NOW})",
        lambda d: {"queue": d.one_of(("mail", "index", "webhook", "image", "export"), 1.3)},
    ),
    T(
        "finish_job",
        18_000,
        f"UPDATE job SET state = 'done', finished_at = {NOW} WHERE id = {{id}}",
        lambda d: {"id": d.late(250_000, 0.002)},
    ),
    T(
        "track",
        60_000,
        "INSERT INTO page_event (session_token, customer_id, kind, path, product_id, created_at)"
        f" VALUES ({{token}}, {{customer}}, 'view', '/p/1', {{product}}, {NOW})",
        lambda d: {"token": d.fresh(), "customer": d.customer(), "product": d.product()},
    ),
    T(
        "forget_events",
        24,
        "DELETE FROM page_event WHERE id IN (SELECT id FROM page_event WHERE created_at < {before} LIMIT 500)",
        lambda d: {"before": d.ago(85, 88)},
    ),
)
