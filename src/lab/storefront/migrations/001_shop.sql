create table customers (
  id uuid primary key,
  email text not null unique,
  name text not null,
  password_hash text not null,
  role text not null default 'customer' check (role in ('customer', 'admin')),
  created_at timestamptz not null default now()
);

-- initial_stock never changes, so that stock can be proven to add up: initial_stock = stock + everything ordered.
create table products (
  id integer primary key,
  name text not null,
  price_cents integer not null check (price_cents > 0),
  initial_stock integer not null,
  stock integer not null check (stock >= 0)
);

create table orders (
  id uuid primary key,
  customer_id uuid not null references customers,
  idempotency_key text not null,
  request_hash text not null,
  total_cents bigint not null,
  status text not null default 'placed' check (status in ('placed', 'fulfilled')),
  placed_at timestamptz not null default now(),
  fulfilled_at timestamptz,
  unique (customer_id, idempotency_key)
);

create index orders_waiting on orders (placed_at) where status = 'placed';
create index orders_of_customer on orders (customer_id, placed_at desc);

create table order_lines (
  order_id uuid not null references orders,
  product_id integer not null references products,
  quantity integer not null check (quantity > 0),
  price_cents integer not null,
  primary key (order_id, product_id)
);

create index order_lines_of_product on order_lines (product_id);
