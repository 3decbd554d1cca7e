-- Who changed what of people, and when. Written by triggers, so that no way in forgets it, a hand with psql included; Muster's own
-- role may read it and nothing else.
create table people_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  -- Id of the person who did it; where none is named, what did.
  by text not null,
  person_id text not null,
  -- The table that holds it.
  what text not null,
  -- By column: `{"roles": {"from": […], "to": […]}}`. A key's digest is not in it.
  change jsonb not null
);
create index people_log_by_person on people_log (person_id, id desc);

create function log_people () returns trigger language plpgsql security definer set search_path from current as $$
declare
  -- Of no interest, or secret, or true again with every token and every use of a key.
  left_out constant text[] := array['id', 'person_id', 'digest', 'created_at', 'last_used_at', 'token_until', 'asked_at', 'confirmed_at'];
  before constant jsonb := case when tg_op = 'INSERT' then '{}' else to_jsonb(old) end;
  after constant jsonb := case when tg_op = 'DELETE' then '{}' else to_jsonb(new) end;
  whom constant text := case when tg_table_name = 'people' then coalesce(after->>'id', before->>'id') else coalesce(after->>'person_id', before->>'person_id') end;
  changed jsonb;
begin
  select jsonb_object_agg(key, jsonb_build_object('from', before->key, 'to', after->key)) into changed
    from (select jsonb_object_keys(before || after) as key) as keys
    where key <> all(left_out) and coalesce(before->key, 'null') is distinct from coalesce(after->key, 'null');
  if changed is not null then
    insert into people_log (by, person_id, what, change)
      values (coalesce(nullif(current_setting('muster.by', true), ''), 'database user ' || session_user), whom, tg_table_name, changed);
  end if;
  return null;
end
$$;

create function refuse_rewriting_of () returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end
$$;
create trigger people_log_is_append_only before update or delete on people_log for each row execute function refuse_rewriting_of();
create trigger people_log_is_never_emptied before truncate on people_log for each statement execute function refuse_rewriting_of();
alter table people_log enable always trigger people_log_is_append_only;
alter table people_log enable always trigger people_log_is_never_emptied;

-- Who was there before it was written.
insert into people_log (by, person_id, what, change)
  select 'migration', id, 'people', jsonb_build_object('name', jsonb_build_object('to', name), 'roles', jsonb_build_object('to', roles)) from people order by created_at, id;

do $$
declare
  one text;
begin
  foreach one in array array['people', 'person_keys', 'person_grants', 'person_deputies', 'person_emails'] loop
    execute format('create trigger %I after insert or update or delete on %I for each row execute function log_people()', one || '_are_logged', one);
    execute format('alter table %I enable always trigger %I', one, one || '_are_logged');
  end loop;
  if exists (select from pg_roles where rolname = 'muster_app') then
    grant select on people_log to muster_app;
  end if;
end
$$;
