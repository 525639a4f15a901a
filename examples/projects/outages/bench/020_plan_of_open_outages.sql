explain (costs off)
select u.name, o.began_at, o.customers
from ohub.outages o
join ohub.utilities u using (utility_id)
where o.ended_at is null
order by o.began_at desc
limit 20;
