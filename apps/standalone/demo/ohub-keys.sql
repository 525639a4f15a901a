alter table ohub.outages
  add constraint outages_utility_fkey foreign key (utility_id) references ohub.utilities (id);
alter table ohub.outage_updates
  add constraint outage_updates_outage_fkey foreign key (outage_id) references ohub.outages (id);

create index outages_started on ohub.outages (started_at);
create index outages_province on ohub.outages (province, started_at);
create index outages_utility on ohub.outages (utility_id, started_at);
create index outages_open on ohub.outages (started_at) where restored_at is null;
create index outage_updates_reported on ohub.outage_updates (reported_at);
