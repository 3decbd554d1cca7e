-- Browsers that are signed in. A session ends with the key that opened it: its revocation and expiry are looked at each time.
create table sessions (
  -- SHA-256 of the token in the cookie, which is kept nowhere.
  digest bytea primary key,
  person_id text not null references people,
  -- Absent where somebody signed in without a key of ours.
  key_id text references person_keys,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_by_expiry on sessions (expires_at);

do $$
begin
  if exists (select from pg_roles where rolname = 'muster_app') then
    grant select, insert, delete on sessions to muster_app;
  end if;
end
$$;
