-- Runs from 2021-01-01 to 2025-07-01 (1642 days); later rows are newer. Counts stand in statements.py as well.
INSERT INTO customer (email, full_name, phone, country, city, created_at, last_login_at, newsletter, loyalty_points,
                      referred_by, deleted_at, preferences)
SELECT CASE WHEN g % 6 = 0 THEN initcap(first) ELSE first END || '.' || last || g || '@' ||
         (ARRAY['example.com', 'mail.example', 'post.example', 'inbox.example', 'web.example'])[1 + g * 7 % 5],
       initcap(first) || ' ' || initcap(last),
       CASE WHEN random() < 0.7 THEN '+49' || 100000000 + g::bigint * 7919 % 899999999 END,
       (ARRAY['DE', 'DE', 'DE', 'DE', 'FR', 'FR', 'NL', 'AT', 'PL', 'IT', 'ES', 'GB', 'GB', 'SE', 'DK', 'PT'])
         [1 + floor(16 * power(random(), 1.3))::int],
       'City ' || pg_temp.skew(900, 2.5),
       '2021-01-01'::timestamp + 1642 * power(g / 200000.0, 0.8) * interval '1 day',
       CASE WHEN random() < 0.8 THEN '2025-07-01'::timestamp - 900 * power(random(), 2.2) * interval '1 day' END,
       random() < 0.35, (1500 * power(random(), 4))::int,
       CASE WHEN random() < 0.08 THEN pg_temp.skew(200000, 3) END,
       CASE WHEN random() < 0.04 THEN '2025-07-01'::timestamp - 1000 * random() * interval '1 day' END,
       jsonb_build_object('lang', (ARRAY['de', 'fr', 'en', 'nl'])[1 + floor(4 * random())::int],
                          'theme', (ARRAY['light', 'dark'])[1 + floor(2 * random())::int])
FROM generate_series(1, 200000) g,
     LATERAL (SELECT (ARRAY['anna', 'ben', 'carla', 'david', 'elena', 'felix', 'greta', 'hugo', 'ida', 'jonas', 'karin',
                            'lukas', 'maria', 'nils', 'olga', 'paul', 'rosa', 'simon', 'tina', 'uwe'])[1 + g % 20] AS first,
                     (ARRAY['mueller', 'schmidt', 'weber', 'fischer', 'wagner', 'becker', 'hoffmann', 'koch', 'richter',
                            'klein', 'wolf', 'neumann', 'schwarz', 'zimmermann', 'braun', 'krueger', 'hartmann', 'lange',
                            'werner', 'krause', 'lehmann', 'maier', 'huber', 'vogel', 'keller', 'frank', 'berger'])
                       [1 + g / 20 % 27] AS last) names;
INSERT INTO address (customer_id, label, street, city, postcode, country, is_default)
SELECT CASE WHEN g <= 200000 THEN g ELSE pg_temp.skew(200000, 1.5) END,
       (ARRAY['home', 'work', 'parents'])[1 + floor(3 * power(random(), 2))::int],
       'Street ' || floor(9000 * random())::int || ' ' || 1 + floor(120 * random())::int,
       'City ' || pg_temp.skew(900, 2.5), lpad(floor(99999 * random())::int::text, 5, '0'),
       (ARRAY['DE', 'DE', 'DE', 'FR', 'NL', 'AT', 'PL', 'IT'])[1 + floor(8 * random())::int], g <= 200000
FROM generate_series(1, 320000) g;
INSERT INTO category (parent_id, slug, title, position)
SELECT CASE WHEN g > 20 THEN 1 + g % 20 END, 'category-' || g, 'Category ' || g, g % 25 FROM generate_series(1, 400) g;
INSERT INTO product (sku, title, category_id, brand, price, weight_g, active, attributes, description, created_at,
                     updated_at, discontinued_at)
SELECT 'SKU-' || lpad(g::text, 7, '0'),
       (ARRAY['Soft', 'Light', 'Warm', 'Classic', 'Urban', 'Slim', 'Bold', 'Fine', 'Rough', 'Quiet', 'Bright', 'Deep'])
         [1 + g % 12] || ' ' ||
       (ARRAY['Linen', 'Cotton', 'Wool', 'Leather', 'Denim', 'Silk', 'Canvas', 'Oak', 'Steel', 'Glass'])[1 + g / 12 % 10]
         || ' ' ||
       (ARRAY['Jacket', 'Shirt', 'Lamp', 'Table', 'Bag', 'Shoe', 'Chair', 'Mug', 'Scarf', 'Belt', 'Shelf', 'Hat'])
         [1 + g / 120 % 12] || ' ' || g,
       pg_temp.skew(400, 2), 'Brand ' || pg_temp.skew(350, 2), round((4 + 600 * power(random(), 3))::numeric, 2),
       (50 + 9000 * random())::int, random() < 0.8,
       jsonb_build_object('color', (ARRAY['black', 'white', 'blue', 'red', 'green', 'beige', 'brown', 'pink', 'yellow'])
                            [1 + floor(9 * power(random(), 1.6))::int],
                          'size', (ARRAY['s', 'm', 'l', 'xl'])[1 + floor(4 * random())::int],
                          'material', (ARRAY['cotton', 'linen', 'wool', 'oak', 'steel', 'silk', 'bamboo', 'cork'])
                            [1 + floor(8 * power(random(), 2))::int]),
       repeat('A fine thing to own. ', 6 + floor(8 * random())::int),
       '2021-01-01'::timestamp + 1642 * random() * interval '1 day',
       '2025-07-01'::timestamp - 400 * power(random(), 2) * interval '1 day',
       CASE WHEN random() < 0.06 THEN '2025-07-01'::timestamp - 900 * random() * interval '1 day' END
FROM generate_series(1, 40000) g;
INSERT INTO inventory
SELECT product, warehouse, (300 * power(random(), 3))::int, (8 * power(random(), 5))::int, (12 * random())::int,
       '2025-07-01'::timestamp - 60 * power(random(), 3) * interval '1 day'
FROM generate_series(1, 40000) product, generate_series(1, 4) warehouse;
INSERT INTO coupon
SELECT 'SAVE' || g, 5 * (1 + g % 6), day, day + 30, (200 * power(random(), 3))::int
FROM generate_series(1, 3000) g, LATERAL (SELECT '2021-01-01'::date + (g * 1640 / 3000) AS day) days;
INSERT INTO orders (customer_id, number, status, channel, placed_at, paid_at, shipped_at, total, currency, coupon_code,
                    ship_address_id, assigned_to, note)
SELECT customer, 'SO-' || lpad(g::text, 9, '0'), status,
       (ARRAY['web', 'web', 'web', 'app', 'app', 'phone', 'market'])[1 + floor(7 * random())::int], placed,
       CASE WHEN status NOT IN ('pending', 'cancelled') THEN placed + interval '5 minutes' END,
       CASE WHEN status IN ('shipped', 'delivered', 'returned') THEN placed + (1 + 4 * random()) * interval '1 day' END,
       round((8 + 2500 * power(random(), 5))::numeric, 2), CASE WHEN random() < 0.9 THEN 'EUR' ELSE 'GBP' END,
       CASE WHEN random() < 0.05 THEN 'SAVE' || pg_temp.skew(3000, 2) END, customer,
       CASE WHEN status IN ('processing', 'pending') AND random() < 0.6 THEN 1 + floor(40 * random())::int
            WHEN random() < 0.01 THEN 1 + floor(40 * random())::int END,
       CASE WHEN random() < 0.03 THEN 'Please leave it with the neighbour on the left' END
FROM (SELECT g, pg_temp.skew(200000, 2.2) AS customer,
             '2021-01-01'::timestamp + 1642 * power(g / 700000.0, 0.75) * interval '1 day' AS placed,
             CASE WHEN g > 698200 THEN (ARRAY['pending', 'processing', 'processing', 'shipped'])[1 + floor(4 * random())::int]
                  WHEN g > 691000 THEN (ARRAY['shipped', 'delivered', 'processing', 'shipped', 'delivered', 'shipped'])
                    [1 + floor(6 * power(random(), 1.2))::int]
                  WHEN random() < 0.0006 THEN 'pending' WHEN random() < 0.04 THEN 'cancelled'
                  WHEN random() < 0.03 THEN 'returned' ELSE 'delivered' END AS status
      FROM generate_series(1, 700000) g) made;
INSERT INTO order_item
SELECT g, line, product, 1 + floor(4 * power(random(), 4))::int, round((4 + 600 * power(random(), 3))::numeric, 2),
       CASE WHEN random() < 0.02 THEN
         '2021-01-01'::timestamp + (1642 * power(g / 700000.0, 0.75) + 10 * random()) * interval '1 day' END
FROM (SELECT g, line, pg_temp.skew(40000, 2.6) AS product
      FROM generate_series(1, 700000) g, generate_series(1, 1 + g / 3 % 3) line) made;
INSERT INTO payment (order_id, provider, reference, state, amount, created_at, captured_at, failure_code)
SELECT g, (ARRAY['card', 'card', 'card', 'paypal', 'paypal', 'klarna', 'invoice'])[1 + floor(7 * random())::int],
       md5('payment' || g), state, round((8 + 2500 * power(random(), 5))::numeric, 2), made,
       CASE WHEN state = 'captured' THEN made + interval '2 hours' END,
       CASE WHEN state = 'failed' THEN (ARRAY['declined', 'expired', 'limit'])[1 + floor(3 * random())::int] END
FROM (SELECT g, '2021-01-01'::timestamp + 1642 * power(g / 700000.0, 0.75) * interval '1 day' AS made,
             CASE WHEN g > 698800 AND random() < 0.5 THEN 'authorised' WHEN random() < 0.0004 THEN 'authorised'
                  WHEN random() < 0.015 THEN 'failed' WHEN random() < 0.02 THEN 'refunded' ELSE 'captured' END AS state
      FROM generate_series(1, 700000) g) made;
INSERT INTO cart (token, customer_id, status, created_at, updated_at)
SELECT md5('cart' || g), CASE WHEN random() < 0.4 THEN pg_temp.skew(200000, 2.2) END,
       CASE WHEN g > 147000 THEN 'open' WHEN random() < 0.01 THEN 'open' WHEN random() < 0.4 THEN 'ordered'
            ELSE 'expired' END, made, made + 2 * power(random(), 4) * interval '1 day'
FROM (SELECT g, '2024-01-01'::timestamp + 547 * (g / 150000.0) * interval '1 day' AS made
      FROM generate_series(1, 150000) g) carts;
INSERT INTO cart_item
SELECT g, product, 1 + floor(3 * power(random(), 4))::int, '2024-01-01'::timestamp + 547 * (g / 150000.0) * interval '1 day'
FROM (SELECT DISTINCT ON (g, product) g, product
      FROM (SELECT g, pg_temp.skew(40000, 2.6) AS product
            FROM generate_series(1, 150000) g, generate_series(1, 1 + g / 3 % 3)) drawn
      ORDER BY g, product) made;
INSERT INTO review (product_id, customer_id, rating, state, title, body, created_at, moderated_at)
SELECT pg_temp.skew(40000, 2.6), pg_temp.skew(200000, 2.2), 5 - floor(5 * power(random(), 2.5))::int,
       CASE WHEN g > 179400 AND random() < 0.6 THEN 'pending' WHEN random() < 0.03 THEN 'rejected' ELSE 'published' END,
       'Bought ' || g, repeat('It does what it says. ', 1 + floor(9 * random())::int), made, made + interval '1 day'
FROM (SELECT g, '2021-01-01'::timestamp + 1642 * power(g / 180000.0, 0.75) * interval '1 day' AS made
      FROM generate_series(1, 180000) g) reviews;
INSERT INTO stock_movement (product_id, warehouse_id, kind, quantity, order_id, created_at)
SELECT pg_temp.skew(40000, 2.6), 1 + floor(4 * random())::int,
       (ARRAY['sale', 'sale', 'sale', 'sale', 'sale', 'return', 'delivery', 'correction'])[1 + floor(8 * random())::int],
       1 + floor(20 * power(random(), 3))::int, CASE WHEN random() < 0.7 THEN g * 7 / 4 END,
       '2021-01-01'::timestamp + 1642 * power(g / 400000.0, 0.75) * interval '1 day'
FROM generate_series(1, 400000) g;
INSERT INTO job (queue, state, run_at, attempts, locked_at, payload, created_at, finished_at)
SELECT (ARRAY['mail', 'mail', 'mail', 'index', 'index', 'webhook', 'image', 'export'])[1 + floor(8 * power(random(), 1.3))::int],
       state, made + interval '1 minute', CASE WHEN state = 'failed' THEN 5 ELSE 1 END,
       CASE WHEN state = 'running' THEN made + interval '2 minutes' END,
       jsonb_build_object('order', g * 2, 'template', 'confirmation-' || g % 12), made,
       CASE WHEN state = 'done' THEN made + interval '3 minutes' END
FROM (SELECT g, '2025-01-01'::timestamp + 181 * (g / 250000.0) * interval '1 day' AS made,
             CASE WHEN g > 249400 THEN 'ready' WHEN random() < 0.002 THEN 'failed' WHEN g > 249300 THEN 'running'
                  WHEN random() < 0.0004 THEN 'ready' ELSE 'done' END AS state
      FROM generate_series(1, 250000) g) jobs;
INSERT INTO page_event (session_token, customer_id, kind, path, product_id, created_at)
SELECT md5('session' || g / 8), CASE WHEN g / 8 % 3 = 0 THEN 1 + (g / 8)::bigint * 7919 % 200000 END,
       (ARRAY['view', 'view', 'view', 'view', 'view', 'view', 'search', 'search', 'add', 'checkout'])
         [1 + floor(10 * power(random(), 1.2))::int],
       '/p/' || pg_temp.skew(40000, 2.6), CASE WHEN random() < 0.75 THEN pg_temp.skew(40000, 2.6) END,
       '2025-04-01'::timestamp + 91 * (g / 400000.0) * interval '1 day'
FROM generate_series(1, 400000) g;
ALTER TABLE cart_item ADD FOREIGN KEY (cart_id) REFERENCES cart ON DELETE CASCADE;
ALTER TABLE order_item ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE address ADD FOREIGN KEY (customer_id) REFERENCES customer;
ALTER TABLE payment ADD FOREIGN KEY (order_id) REFERENCES orders;
