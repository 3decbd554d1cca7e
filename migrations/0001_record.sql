-- Times are epoch milliseconds of whoever measured them, as in the events themselves.

create table drills (
  drill_id text primary key,
  created_at_ms bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint,
  idempotency_key text,
  request_hash text,
  parent text,
  runbook text not null,
  runbook_title text not null,
  runbook_type text not null,
  runbook_hash text not null,
  environment text not null,
  tier text not null,
  commander_id text not null,
  commander_name text not null,
  phase text not null default 'reserved',
  verdict text,
  why text,
  started_at_ms bigint,
  ended_at_ms bigint,
  rta_technical_ms double precision,
  rta_without_waiting_ms double precision,
  rta_business_ms double precision,
  rpa_ms double precision,
  lost integer,
  left_behind integer not null default 0,
  findings integer not null default 0,
  slowest_step text,
  slowest_step_ms double precision,
  -- The fold of all events so far, so that an append reads none of them again.
  status json,
  last_seq integer not null default 0,
  -- Hash of the last event: the head of the chain.
  head text not null default repeat('0', 64)
);
create unique index drills_by_idempotency_key on drills (commander_id, idempotency_key) where idempotency_key is not null;
create index drills_by_time on drills (created_at_ms desc, drill_id desc);
create index drills_by_environment on drills (environment, created_at_ms desc, drill_id desc);
create index drills_by_runbook on drills (runbook, environment, created_at_ms desc, drill_id desc);
create index drills_by_verdict on drills (verdict, created_at_ms desc, drill_id desc);
create index drills_running on drills (created_at_ms desc, drill_id desc) where phase <> 'ended';
create index drills_by_content on drills (runbook, environment, runbook_hash, ended_at_ms desc) where phase = 'ended';

-- json, not jsonb: the text is the canonical JSON that the hash was made over, and jsonb refuses \u0000.
create table timeline (
  drill_id text not null,
  seq integer not null check (seq > 0),
  at_ms bigint not null,
  type text not null,
  event json not null,
  hash text not null check (hash ~ '^[0-9a-f]{64}$'),
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (drill_id, seq)
);
create index timeline_by_type on timeline (drill_id, type, seq);

create function refuse_rewriting () returns trigger language plpgsql as $$
begin
  raise exception 'the timeline is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;
create trigger timeline_is_append_only before update or delete on timeline
  for each row execute function refuse_rewriting();
create trigger timeline_is_never_emptied before truncate on timeline
  for each statement execute function refuse_rewriting();
-- Also where somebody sets session_replication_role to replica.
alter table timeline enable always trigger timeline_is_append_only;
alter table timeline enable always trigger timeline_is_never_emptied;

-- Durations of the steps of passed drills; only the newest twenty drills of a runbook in an environment are kept.
create table step_durations (
  runbook text not null,
  environment text not null,
  drill_id text not null,
  ended_at_ms bigint not null,
  step text not null,
  ms double precision not null,
  primary key (runbook, environment, drill_id, step)
);

create table probe_samples (
  drill_id text not null,
  target text not null,
  at_ms double precision not null,
  latency_ms real not null,
  ok boolean not null,
  error text,
  primary key (drill_id, target, at_ms)
);

create table people (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  name text not null,
  roles text[] not null,
  -- How a click and an OIDC token find their person.
  slack_user text unique,
  oidc_subject text unique,
  created_at timestamptz not null default now()
);
create index people_by_role on people using gin (roles);

create table person_keys (
  id text primary key,
  person_id text not null references people,
  label text not null,
  -- SHA-256 of the key; the key itself is shown once and kept nowhere.
  digest bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index person_keys_by_person on person_keys (person_id);
