-- Flights and their delays by day. The data are every twelfth flight.
select
  date::date as day,
  count(*) as flights,
  round(avg(delay), 2) as average_delay,
  round(count(*) filter (where delay > 15)::numeric / count(*), 4) as late_share
from flights.flights
where true
  [[ and origin = any ({{ origin }}) ]]
  [[ and date >= {{ period.start }} and date < {{ period.end }} ]]
group by 1
order by 1
