-- What the shards of a load measured, until the whole is judged.
create table load_shards (
  run_id text not null,
  shard integer not null,
  part text not null,
  recorded_at timestamptz not null default now(),
  primary key (run_id, shard)
);

do $$
begin
  if exists (select from pg_roles where rolname = 'muster_app') then
    grant select, insert, delete on load_shards to muster_app;
  end if;
end
$$;
