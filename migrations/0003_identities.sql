alter table people
  -- A service account: it may start drills and never answers for people.
  add column service boolean not null default false,
  add column away_until timestamptz,
  -- Whoever left keeps their id and name: old reports name them, and nobody else may get the id.
  add column removed_at timestamptz,
  -- What the groups of the last token gave (`approver`, `approver@shop`), and until when that token is good.
  add column token_roles text[] not null default '{}',
  add column token_until timestamptz;

-- A role in one environment or tier; `everywhere` is admin, on its way to people.roles.
create table person_grants (
  id text primary key,
  person_id text not null references people,
  role text not null,
  scope text not null,
  asked_by text not null references people,
  asked_at timestamptz not null default now(),
  confirmed_by text references people,
  confirmed_at timestamptz,
  ended_by text references people,
  ended_at timestamptz,
  constraint two_people check (confirmed_by not in (asked_by, person_id))
);
create unique index person_grants_once on person_grants (person_id, role, scope) where ended_at is null;

-- Who answers for a person while they are away.
create table person_deputies (
  id text primary key,
  person_id text not null references people,
  deputy_id text not null references people,
  asked_by text not null references people,
  asked_at timestamptz not null default now(),
  confirmed_by text references people,
  confirmed_at timestamptz,
  ended_by text references people,
  ended_at timestamptz,
  constraint another check (deputy_id <> person_id),
  constraint two_people check (confirmed_by not in (asked_by, deputy_id))
);
create unique index person_deputies_once on person_deputies (person_id, deputy_id) where ended_at is null;
create index person_deputies_by_deputy on person_deputies (deputy_id) where ended_at is null;

create view person_facts as
  select people.*,
    (select coalesce(json_agg(json_build_object('role', role, 'in', scope, 'fourEyes', confirmed_by is not null) order by asked_at, id), '[]')
      from person_grants where person_id = people.id and ended_at is null and scope <> 'everywhere') as grants
  from people;

do $$
begin
  if exists (select from pg_roles where rolname = 'muster_app') then
    grant select, insert, update, delete on person_grants, person_deputies to muster_app;
    grant select on person_facts to muster_app;
  end if;
end
$$;
