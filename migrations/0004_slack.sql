-- Since when a channel is told of drills: what happened before Slack was set up is not announced afterwards.
create table slack_channels (
  channel text primary key,
  since_ms bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint
);

-- How far a drill's messages are drawn. One process draws a drill at a time: the claim runs out by itself where it dies.
create table slack_drills (
  drill_id text primary key,
  drawn_seq integer not null default 0,
  drawn_at_ms bigint not null default 0,
  is_done boolean not null default false,
  drawer text,
  claimed_until timestamptz not null default '-infinity'
);

-- Where each message of a drill is. Without a ts it was asked for, and nobody knows whether it was posted.
create table slack_messages (
  drill_id text not null,
  key text not null,
  -- As the configuration names the channel, and as Slack does.
  wanted text not null,
  channel text,
  ts text,
  asked_at_ms bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint,
  -- Of what was drawn last.
  fingerprint text,
  primary key (drill_id, key)
);

-- Signatures of the requests that were taken, for as long as one could be sent again.
create table slack_requests (
  id text primary key,
  at timestamptz not null default clock_timestamp()
);

-- The address that a Slack account has to prove, in small letters.
create table person_emails (
  email text primary key check (email = lower(email)),
  person_id text not null unique references people
);

do $$
begin
  if exists (select from pg_roles where rolname = 'muster_app') then
    grant select, insert, update, delete on slack_channels, slack_drills, slack_messages, slack_requests, person_emails to muster_app;
  end if;
end
$$;
