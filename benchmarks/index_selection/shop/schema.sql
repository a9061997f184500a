CREATE TABLE customer (
  id serial PRIMARY KEY, email text NOT NULL, full_name text NOT NULL, phone text, country char(2) NOT NULL,
  city text NOT NULL, created_at timestamp NOT NULL, last_login_at timestamp, newsletter boolean NOT NULL,
  loyalty_points integer NOT NULL, referred_by integer, deleted_at timestamp, preferences jsonb NOT NULL
);
CREATE TABLE address (
  id serial PRIMARY KEY, customer_id integer NOT NULL, label text NOT NULL, street text NOT NULL, city text NOT NULL,
  postcode text NOT NULL, country char(2) NOT NULL, is_default boolean NOT NULL
);
CREATE TABLE category (
  id serial PRIMARY KEY, parent_id integer, slug text NOT NULL UNIQUE, title text NOT NULL, position integer NOT NULL
);
CREATE TABLE product (
  id serial PRIMARY KEY, sku text NOT NULL UNIQUE, title text NOT NULL, category_id integer NOT NULL,
  brand text NOT NULL, price numeric(10,2) NOT NULL, weight_g integer NOT NULL, active boolean NOT NULL,
  attributes jsonb NOT NULL, description text NOT NULL, created_at timestamp NOT NULL, updated_at timestamp NOT NULL,
  discontinued_at timestamp
);
CREATE TABLE inventory (
  product_id integer NOT NULL, warehouse_id smallint NOT NULL, on_hand integer NOT NULL, reserved integer NOT NULL,
  reorder_at integer NOT NULL, updated_at timestamp NOT NULL, PRIMARY KEY (product_id, warehouse_id)
) WITH (fillfactor = 80);
CREATE TABLE coupon (
  code text PRIMARY KEY, percent integer NOT NULL, starts_on date NOT NULL, ends_on date NOT NULL, used integer NOT NULL
);
CREATE TABLE orders (
  id bigserial PRIMARY KEY, customer_id integer NOT NULL, number text NOT NULL, status text NOT NULL,
  channel text NOT NULL, placed_at timestamp NOT NULL, paid_at timestamp, shipped_at timestamp,
  total numeric(10,2) NOT NULL, currency char(3) NOT NULL, coupon_code text, ship_address_id integer NOT NULL,
  assigned_to integer, note text
);
CREATE TABLE order_item (
  order_id bigint NOT NULL, line_no smallint NOT NULL, product_id integer NOT NULL, quantity smallint NOT NULL,
  unit_price numeric(10,2) NOT NULL, returned_at timestamp, PRIMARY KEY (order_id, line_no)
);
CREATE TABLE payment (
  id bigserial PRIMARY KEY, order_id bigint NOT NULL, provider text NOT NULL, reference text NOT NULL,
  state text NOT NULL, amount numeric(10,2) NOT NULL, created_at timestamp NOT NULL, captured_at timestamp,
  failure_code text
);
CREATE TABLE cart (
  id serial PRIMARY KEY, token text NOT NULL, customer_id integer, status text NOT NULL, created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL
) WITH (fillfactor = 80);
CREATE TABLE cart_item (
  cart_id integer NOT NULL, product_id integer NOT NULL, quantity smallint NOT NULL, added_at timestamp NOT NULL,
  PRIMARY KEY (cart_id, product_id)
);
CREATE TABLE review (
  id serial PRIMARY KEY, product_id integer NOT NULL, customer_id integer NOT NULL, rating smallint NOT NULL,
  state text NOT NULL, title text NOT NULL, body text NOT NULL, created_at timestamp NOT NULL, moderated_at timestamp
);
CREATE TABLE stock_movement (
  id bigserial PRIMARY KEY, product_id integer NOT NULL, warehouse_id smallint NOT NULL, kind text NOT NULL,
  quantity integer NOT NULL, order_id bigint, created_at timestamp NOT NULL
);
CREATE TABLE job (
  id bigserial PRIMARY KEY, queue text NOT NULL, state text NOT NULL, run_at timestamp NOT NULL,
  attempts smallint NOT NULL, locked_at timestamp, payload jsonb NOT NULL, created_at timestamp NOT NULL,
  finished_at timestamp
);
CREATE TABLE page_event (
  id bigserial PRIMARY KEY, session_token text NOT NULL, customer_id integer, kind text NOT NULL, path text NOT NULL,
  product_id integer, created_at timestamp NOT NULL
);
CREATE FUNCTION pg_temp.skew(count integer, power float8) RETURNS integer LANGUAGE sql VOLATILE
  RETURN (1 + floor(count * power(random(), power))::bigint * 7919 % count)::integer;
