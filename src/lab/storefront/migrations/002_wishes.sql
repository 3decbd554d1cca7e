-- What a customer would like to have: something that can be made, changed and removed without a sale.
create table wishes (
  id uuid primary key,
  customer_id uuid not null references customers on delete cascade,
  product_id integer not null references products,
  note text not null,
  changed_at timestamptz not null default now()
);

create index wishes_of_customer on wishes (customer_id);
