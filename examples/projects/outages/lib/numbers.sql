-- Included by tests: what the seed has to have made.
select count(*) as made, count(*) filter (where ended_at is null) as going_on from ohub.outages \gset
