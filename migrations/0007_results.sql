-- Whole results of loads and smoke suites: a drill's timeline holds their figures alone.
create table results (
  run_id text primary key,
  drill_id text not null,
  step text not null,
  kind text not null check (kind in ('load', 'suite')),
  -- Of the scenario or the suite.
  name text not null,
  environment text not null,
  started_at_ms bigint not null,
  verdict text not null,
  target text,
  config_hash text,
  p95_ms double precision,
  -- Whether later runs are compared with this one.
  is_reference boolean not null,
  result json not null
);
create index results_by_drill on results (drill_id, step);
create index results_by_configuration on results (name, target, config_hash, started_at_ms desc) where is_reference;

do $$
begin
  if exists (select from pg_roles where rolname = 'muster_app') then
    grant select, insert on results to muster_app;
  end if;
end
$$;
