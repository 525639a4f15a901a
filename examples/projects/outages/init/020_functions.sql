-- Customer minutes: how long how many were without power. An outage that goes on counts up to `until`.
create function ohub.customer_minutes(o ohub.outages, until timestamptz) returns numeric
language sql immutable parallel safe
return o.customers * round(extract(epoch from coalesce(o.ended_at, until) - o.began_at)::numeric / 60, 1);

-- SAIDI: minutes without power that an average customer of a utility had (IEEE 1366).
create function ohub.saidi(utility int, since timestamptz, until timestamptz) returns numeric
language sql stable
begin atomic
  select round(coalesce(sum(ohub.customer_minutes(o, until)), 0) / u.customers, 2)
  from ohub.utilities u
  left join ohub.outages o
    on o.utility_id = u.utility_id and o.began_at >= since and o.began_at < until
  where u.utility_id = utility
  group by u.customers;
end;
