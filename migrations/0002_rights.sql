-- The role that Muster works as. A role belongs to the whole cluster, so another database's Muster may have made it already;
-- where this user may not make roles, Muster works as the owner and the triggers alone guard the timeline.
do $$
begin
  begin
    create role muster_app nologin;
  exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
      raise warning 'role muster_app is not there and may not be made by %', current_user;
      return;
  end;
  begin
    execute format('grant muster_app to %I', current_user);
  exception
    when insufficient_privilege or invalid_grant_operation then raise warning 'role muster_app may not be granted to %', current_user;
  end;
  execute format('grant usage on schema %I to muster_app', current_schema());
  grant select, insert on timeline to muster_app;
  grant select, insert, update, delete on drills, step_durations, probe_samples, people, person_keys to muster_app;
end
$$;
