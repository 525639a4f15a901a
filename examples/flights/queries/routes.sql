-- Routes with at least 50 flights, the latest first.
select
  origin || ' – ' || destination as route,
  count(*) as flights,
  round(avg(distance)) as miles,
  round(avg(delay), 1) as average_delay,
  round((percentile_cont(0.9) within group (order by delay))::numeric, 1) as slowest_tenth,
  round(count(*) filter (where delay > 15)::numeric / count(*), 4) as late_share
from flights.flights
where true
  [[ and origin = any ({{ origin }}) ]]
  [[ and date >= {{ period.start }} and date < {{ period.end }} ]]
group by 1
having count(*) >= 50
order by average_delay desc
limit 100
