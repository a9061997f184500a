"""What the shop reads. `calls` is for one busy hour."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.index_selection.shop.draws import COLOURS, COUNTRIES, MATERIALS, ShopDraw
from benchmarks.index_selection.templates import Template

T = Template[ShopDraw]

CUSTOMERS = (
    T("customer_by_id", 120_000, "SELECT * FROM customer WHERE id = {id}", lambda d: {"id": d.customer()}),
    T(
        "login",
        9_000,
        "SELECT id, email, full_name FROM customer WHERE lower(email) = lower({email}) AND deleted_at IS NULL",
        lambda d: {"email": d.email()},
    ),
    T("customer_by_phone", 240, "SELECT * FROM customer WHERE phone = {phone}", lambda d: {"phone": d.phone()}),
    T(
        "customer_by_name",
        420,
        "SELECT id, full_name, email FROM customer WHERE full_name LIKE {name} ORDER BY full_name LIMIT 20",
        lambda d: {"name": d.name_prefix()},
    ),
    T(
        "new_customers",
        60,
        "SELECT id, full_name, city, created_at FROM customer WHERE country = {country} AND created_at >= {since}"
        " ORDER BY created_at DESC LIMIT 100",
        lambda d: {"country": d.one_of(COUNTRIES, 1.5), "since": d.ago(2, 20)},
    ),
    T(
        "referred",
        500,
        "SELECT id, full_name, created_at FROM customer WHERE referred_by = {id} ORDER BY created_at DESC",
        lambda d: {"id": d.skew(200_000, 3)},
    ),
    T(
        "newsletter",
        4,
        "SELECT id, email FROM customer WHERE newsletter AND deleted_at IS NULL AND country = {country}"
        " AND last_login_at >= {since}",
        lambda d: {"country": d.one_of(COUNTRIES, 1.5), "since": d.ago(20, 60)},
    ),
    T("addresses", 6_000, "SELECT * FROM address WHERE customer_id = {id} ORDER BY id", lambda d: {"id": d.customer()}),
    T(
        "default_address",
        9_000,
        "SELECT id, street, city, postcode, country FROM address WHERE customer_id = {id} AND is_default",
        lambda d: {"id": d.customer()},
    ),
    T(
        "address_by_postcode",
        90,
        "SELECT a.id, c.full_name, a.street FROM address a JOIN customer c ON c.id = a.customer_id"
        " WHERE a.country = {country} AND a.postcode LIKE {postcode} LIMIT 50",
        lambda d: {"country": d.one_of(("DE", "FR", "NL", "AT", "PL", "IT")), "postcode": d.postcode_prefix()},
    ),
)
CATALOGUE = (
    T(
        "subcategories",
        3_000,
        "SELECT id, slug, title FROM category WHERE parent_id = {id} ORDER BY position",
        lambda d: {"id": d.key(20)},
    ),
    T("product_by_sku", 40_000, "SELECT * FROM product WHERE sku = {sku}", lambda d: {"sku": d.sku()}),
    T(
        "category_page",
        12_000,
        "SELECT id, sku, title, price FROM product WHERE category_id = {id} AND active ORDER BY created_at DESC"
        " LIMIT 24",
        lambda d: {"id": d.category()},
    ),
    T(
        "category_by_price",
        3_000,
        "SELECT id, title, price FROM product WHERE category_id = {id} AND active AND price BETWEEN {low} AND {high}"
        " ORDER BY price LIMIT 24",
        lambda d: {"id": d.category(), "low": (low := d.random.randint(5, 120)), "high": low * 2},
    ),
    T(
        "brand_page",
        2_500,
        "SELECT id, title, price FROM product WHERE brand = {brand} AND active ORDER BY title LIMIT 48",
        lambda d: {"brand": d.brand()},
    ),
    T(
        "suggest",
        7_000,
        "SELECT id, title FROM product WHERE lower(title) LIKE {typed} AND active LIMIT 10",
        lambda d: {"typed": d.title_prefix()},
    ),
    T(
        "by_colour",
        1_800,
        "SELECT id, title, price FROM product WHERE category_id = {id} AND attributes ->> 'color' = {colour}"
        " AND active",
        lambda d: {"id": d.category(), "colour": d.one_of(COLOURS, 1.6)},
    ),
    T(
        "by_material",
        300,
        "SELECT id, title FROM product WHERE attributes @> {wanted}::jsonb AND price < {price} LIMIT 30",
        lambda d: {
            "wanted": '\'{"material": "' + d.one_of(MATERIALS, 0.7).strip("'") + '", "size": "xl"}\'',
            "price": d.random.randint(10, 40),
        },
    ),
    T(
        "discontinued",
        20,
        "SELECT id, sku, title FROM product WHERE discontinued_at >= {since} ORDER BY discontinued_at DESC",
        lambda d: {"since": d.ago(7, 40)},
    ),
    T(
        "stock_of_product",
        25_000,
        "SELECT warehouse_id, on_hand - reserved AS free FROM inventory WHERE product_id = {id}",
        lambda d: {"id": d.product()},
    ),
    T(
        "low_stock",
        200,
        "SELECT product_id, on_hand FROM inventory WHERE warehouse_id = {warehouse} AND on_hand <= 2 AND reserved > 3"
        " ORDER BY on_hand LIMIT 100",
        lambda d: {"warehouse": d.key(4)},
    ),
    T(
        "coupon",
        3_500,
        "SELECT percent FROM coupon WHERE code = {code} AND {day} BETWEEN starts_on AND ends_on",
        lambda d: {"code": d.coupon(), "day": f"'{d.day(0, 300)}'"},
    ),
)
REVIEWS = (
    T(
        "reviews_of_product",
        12_000,
        "SELECT id, customer_id, rating, title, body FROM review WHERE product_id = {id} AND state = 'published'"
        " ORDER BY created_at DESC LIMIT 10",
        lambda d: {"id": d.product()},
    ),
    T(
        "rating",
        10_000,
        "SELECT avg(rating), count(*) FROM review WHERE product_id = {id} AND state = 'published'",
        lambda d: {"id": d.product()},
    ),
    T(
        "moderation",
        900,
        "SELECT id, product_id, title, body FROM review WHERE state = 'pending' ORDER BY created_at LIMIT 20",
    ),
    T(
        "reviews_of_customer",
        600,
        "SELECT id, product_id, rating, created_at FROM review WHERE customer_id = {id} ORDER BY created_at DESC",
        lambda d: {"id": d.customer()},
    ),
)
ORDERS = (
    T("order_by_id", 60_000, "SELECT * FROM orders WHERE id = {id}", lambda d: {"id": d.order()}),
    T("order_by_number", 3_000, "SELECT * FROM orders WHERE number = {number}", lambda d: {"number": d.number()}),
    T(
        "orders_of_customer",
        7_000,
        "SELECT id, number, status, placed_at, total FROM orders WHERE customer_id = {id}"
        " ORDER BY placed_at DESC LIMIT 10",
        lambda d: {"id": d.customer()},
    ),
    T(
        "open_orders",
        3_000,
        "SELECT id, number, status FROM orders WHERE customer_id = {id}"
        " AND status IN ('pending', 'processing', 'shipped')",
        lambda d: {"id": d.customer()},
    ),
    T(
        "pick_queue",
        1_800,
        "SELECT id, number, ship_address_id FROM orders WHERE status = 'processing' AND assigned_to IS NULL"
        " ORDER BY placed_at LIMIT 50",
    ),
    T(
        "unpaid",
        600,
        "SELECT id, customer_id, total FROM orders WHERE status = 'pending' AND placed_at < {before}"
        " ORDER BY placed_at LIMIT 100",
        lambda d: {"before": d.ago(0.1, 2)},
    ),
    T(
        "day_report",
        60,
        "SELECT count(*), sum(total) FROM orders WHERE placed_at::date = {day} AND status <> 'cancelled'",
        lambda d: {"day": f"'{d.day(1, 300)}'"},
    ),
    T(
        "channel_report",
        24,
        "SELECT channel, count(*), sum(total) FROM orders WHERE placed_at >= {start} AND placed_at < {end}"
        " GROUP BY channel",
        lambda d: {"start": f"'{(day := d.day(40, 200))}'", "end": f"'{day + timedelta(days=14)}'"},
    ),
    T(
        "coupon_use",
        200,
        "SELECT count(*), sum(total) FROM orders WHERE coupon_code = {code}",
        lambda d: {"code": d.coupon()},
    ),
    T(
        "my_orders",
        900,
        "SELECT id, number, placed_at FROM orders WHERE assigned_to = {agent} AND status = 'processing'"
        " ORDER BY placed_at",
        lambda d: {"agent": d.key(40)},
    ),
    T(
        "large_orders",
        40,
        "SELECT id, number, customer_id, total FROM orders WHERE placed_at >= {since} AND total > 1500"
        " ORDER BY total DESC LIMIT 50",
        lambda d: {"since": d.ago(10, 60)},
    ),
    T(
        "latest_of_customers",
        400,
        "SELECT DISTINCT ON (customer_id) customer_id, id, status, placed_at FROM orders"
        " WHERE customer_id IN ({ids}) ORDER BY customer_id, placed_at DESC",
        lambda d: {"ids": d.customers(8)},
    ),
    T(
        "best_customers",
        6,
        "SELECT c.id, c.full_name, sum(o.total) FROM orders o JOIN customer c ON c.id = o.customer_id"
        " WHERE o.placed_at >= {since} GROUP BY c.id ORDER BY 3 DESC LIMIT 20",
        lambda d: {"since": d.ago(5, 10)},
    ),
    T(
        "order_lines",
        30_000,
        "SELECT i.line_no, i.quantity, i.unit_price, p.title FROM order_item i JOIN product p ON p.id = i.product_id"
        " WHERE i.order_id = {id} ORDER BY i.line_no",
        lambda d: {"id": d.order()},
    ),
    T(
        "sold",
        300,
        "SELECT sum(quantity), sum(quantity * unit_price) FROM order_item WHERE product_id = {id}",
        lambda d: {"id": d.product()},
    ),
    T(
        "bought_together",
        150,
        "SELECT b.product_id, count(*) FROM order_item a JOIN order_item b ON b.order_id = a.order_id"
        " AND b.product_id <> a.product_id WHERE a.product_id = {id} GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
        lambda d: {"id": d.key(40_000)},
    ),
    T(
        "returns",
        120,
        "SELECT order_id, line_no, product_id, returned_at FROM order_item WHERE returned_at >= {since}"
        " ORDER BY returned_at DESC LIMIT 100",
        lambda d: {"since": d.ago(0.5, 4)},
    ),
    T(
        "has_bought",
        1_200,
        "SELECT EXISTS (SELECT 1 FROM orders o JOIN order_item i ON i.order_id = o.id WHERE o.customer_id = {customer}"
        " AND i.product_id = {product})",
        lambda d: {"customer": d.customer(), "product": d.product()},
    ),
)
MONEY_AND_CARTS = (
    T(
        "payment_of_order",
        6_000,
        "SELECT id, state, amount FROM payment WHERE order_id = {id} ORDER BY created_at DESC LIMIT 1",
        lambda d: {"id": d.order()},
    ),
    T(
        "failed_payments",
        200,
        "SELECT id, order_id, failure_code, created_at FROM payment WHERE state = 'failed' AND created_at >= {since}"
        " ORDER BY created_at DESC LIMIT 50",
        lambda d: {"since": d.ago(1, 5)},
    ),
    T(
        "uncaptured",
        400,
        "SELECT id, order_id, amount FROM payment WHERE captured_at IS NULL AND state = 'authorised'"
        " AND created_at < {before} ORDER BY id",
        lambda d: {"before": d.ago(0.5, 2)},
    ),
    T(
        "provider_report",
        12,
        "SELECT state, count(*), sum(amount) FROM payment WHERE provider = {provider} AND created_at >= {since}"
        " GROUP BY state",
        lambda d: {"provider": d.one_of(("card", "paypal", "klarna", "invoice")), "since": d.ago(7, 31)},
    ),
    T(
        "cart_by_token",
        18_000,
        "SELECT id, customer_id, updated_at FROM cart WHERE token = {token} AND status = 'open'",
        lambda d: {"token": d.token()},
    ),
    T(
        "abandoned",
        60,
        "SELECT id, customer_id FROM cart WHERE status = 'open' AND customer_id IS NOT NULL AND updated_at < {before}"
        " ORDER BY updated_at LIMIT 200",
        lambda d: {"before": d.ago(1, 3)},
    ),
    T(
        "cart_lines",
        20_000,
        "SELECT c.product_id, c.quantity, p.title, p.price FROM cart_item c JOIN product p ON p.id = c.product_id"
        " WHERE c.cart_id = {id}",
        lambda d: {"id": d.cart()},
    ),
)
BEHIND = (
    T(
        "next_jobs",
        18_000,
        "SELECT id, payload FROM job WHERE queue = {queue} AND state = 'ready' AND run_at <= {now} ORDER BY run_at"
        " LIMIT 5",
        lambda d: {"queue": d.one_of(("mail", "index", "webhook", "image", "export"), 1.3), "now": d.ago(0, 0.01)},
    ),
    T(
        "stuck_jobs",
        720,
        "SELECT id, queue, attempts FROM job WHERE state = 'running' AND locked_at < {before}",
        lambda d: {"before": d.ago(0.01, 0.02)},
    ),
    T("job_counts", 600, "SELECT queue, state, count(*) FROM job WHERE state <> 'done' GROUP BY queue, state"),
    T(
        "movements",
        300,
        "SELECT id, kind, quantity, created_at FROM stock_movement WHERE product_id = {product}"
        " AND warehouse_id = {warehouse} ORDER BY created_at DESC LIMIT 50",
        lambda d: {"product": d.product(), "warehouse": d.key(4)},
    ),
    T(
        "session",
        1_500,
        "SELECT kind, path, created_at FROM page_event WHERE session_token = {token} ORDER BY created_at",
        lambda d: {"token": d.session()},
    ),
    T(
        "last_seen",
        1_200,
        "SELECT created_at, path FROM page_event WHERE customer_id = {id} ORDER BY created_at DESC LIMIT 1",
        lambda d: {"id": d.customer()},
    ),
    T(
        "views_of_product",
        300,
        "SELECT count(*), count(DISTINCT session_token) FROM page_event WHERE product_id = {id} AND kind = 'view'"
        " AND created_at >= {since}",
        lambda d: {"id": d.product(), "since": d.ago(3, 14)},
    ),
    T(
        "funnel",
        12,
        "SELECT kind, count(*) FROM page_event WHERE created_at >= {start} AND created_at < {end} GROUP BY kind",
        lambda d: {"start": f"'{(day := d.day(2, 60))}'", "end": f"'{day + timedelta(days=1)}'"},
    ),
)
READS = (*CUSTOMERS, *CATALOGUE, *REVIEWS, *ORDERS, *MONEY_AND_CARTS, *BEHIND)
