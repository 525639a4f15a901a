create schema ohub;
comment on schema ohub is 'Power outages in Canada. Utilities and places are real, their outages are generated.';

create table ohub.utilities (
  id               int primary key,
  name             text not null unique,
  province         text not null check (province ~ '^CA-[A-Z]{2}$'),
  customers_served int not null check (customers_served > 0)
);
comment on table ohub.utilities is 'Electric utilities.';
comment on column ohub.utilities.id is 'Number of the utility.';
comment on column ohub.utilities.name is 'Name of the utility.';
comment on column ohub.utilities.province is 'Province or territory it serves, ISO 3166-2, such as CA-ON.';
comment on column ohub.utilities.customers_served is 'Customers (meters) served, rounded.';

create table ohub.outages (
  id                 bigint primary key,
  utility_id         int not null,
  province           text not null check (province ~ '^CA-[A-Z]{2}$'),
  municipality       text not null,
  latitude           double precision not null,
  longitude          double precision not null,
  cause              text not null check (cause in
    ('ice', 'snow', 'wind', 'lightning', 'wildfire', 'tree_contact', 'equipment_failure',
     'animal_contact', 'vehicle_collision', 'planned', 'unknown')),
  started_at         timestamptz not null,
  restored_at        timestamptz,
  customers_affected int not null check (customers_affected > 0),
  customers_peak     int not null,
  check (restored_at > started_at),
  check (customers_peak between 1 and customers_affected)
);
comment on table ohub.outages is 'One row per outage: where, why, how long and how many customers.';
comment on column ohub.outages.id is 'Number of the outage, in order of its start.';
comment on column ohub.outages.utility_id is 'The utility whose customers lost power.';
comment on column ohub.outages.province is 'Province or territory, ISO 3166-2, such as CA-QC.';
comment on column ohub.outages.municipality is 'Municipality, or the nearest one.';
comment on column ohub.outages.latitude is 'Degrees north, to about 100 m.';
comment on column ohub.outages.longitude is 'Degrees east (negative: west), to about 100 m.';
comment on column ohub.outages.cause is 'Why, as the utility reported it.';
comment on column ohub.outages.started_at is 'When power was lost.';
comment on column ohub.outages.restored_at is 'When the last customer had power again; null while the outage lasts.';
comment on column ohub.outages.customers_affected is 'Customers who lost power in all.';
comment on column ohub.outages.customers_peak is 'Most customers without power at one time.';

create table ohub.outage_updates (
  outage_id              bigint not null,
  reported_at            timestamptz not null,
  customers_out          int not null check (customers_out >= 0),
  crew_status            text not null check (crew_status in ('assessing', 'assigned', 'on_site', 'restored')),
  estimated_restored_at  timestamptz,
  primary key (outage_id, reported_at)
);
comment on table ohub.outage_updates is 'What the utility reported in the course of each outage: customers out over time.';
comment on column ohub.outage_updates.outage_id is 'The outage.';
comment on column ohub.outage_updates.reported_at is 'When it was reported.';
comment on column ohub.outage_updates.customers_out is 'Customers without power at that time; 0 in the last report of a restored outage.';
comment on column ohub.outage_updates.crew_status is 'What the crew was doing.';
comment on column ohub.outage_updates.estimated_restored_at is 'When the utility expected to be done; null when it did not say.';
