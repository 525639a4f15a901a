-- Replicas and change feeds tell rows apart by their key; the columns that are unique may be null.

alter table firing_runs add column id bigint generated always as identity primary key;
