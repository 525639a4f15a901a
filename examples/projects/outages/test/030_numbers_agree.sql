-- Lines of TAP count as well, those of pgTAP too.
\ir ../lib/numbers.sql

select '1..3';
select case when :made = :outages then 'ok' else 'not ok' end || ' 1 - as many outages as were asked for';
select case when sum(outages) = :made then 'ok' else 'not ok' end || ' 2 - provinces add up' from ohub.by_province;
select case when sum(outages) = :made then 'ok' else 'not ok' end || ' 3 - days add up' from ohub.by_day;
