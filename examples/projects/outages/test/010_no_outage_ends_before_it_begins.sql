-- A result whose first column is called not_ok lists what is wrong: no rows, no fault.
select outage_id as not_ok, began_at, ended_at
from ohub.outages
where ended_at <= began_at
order by outage_id;

select name as not_ok from ohub.utilities u
where not exists (select from ohub.outages o where o.utility_id = u.utility_id)
order by name;
