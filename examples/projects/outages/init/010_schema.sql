create schema ohub;

create table ohub.provinces (
  code     char(2) primary key,
  name     text not null unique,
  timezone text not null
);

create table ohub.utilities (
  utility_id int primary key,
  name       text not null unique,
  province   char(2) not null references ohub.provinces,
  customers  int not null check (customers > 0)
);

create type ohub.cause as enum ('weather', 'equipment', 'tree', 'animal', 'vehicle', 'planned');

create table ohub.outages (
  outage_id  bigint generated always as identity primary key,
  utility_id int not null references ohub.utilities,
  cause      ohub.cause not null,
  began_at   timestamptz not null,
  ended_at   timestamptz,
  customers  int not null check (customers >= 0),
  check (ended_at > began_at)
);

create index outages_by_utility on ohub.outages (utility_id, began_at);
create index outages_open on ohub.outages (began_at) where ended_at is null;

comment on column ohub.outages.ended_at is 'null while the outage goes on';
