-- Airports of departure: where they are, how busy and how late.
select
  airports.iata,
  airports.name,
  airports.city,
  'US-' || airports.state as state,
  airports.latitude,
  airports.longitude,
  count(*) as flights,
  round(avg(flights.delay), 2) as average_delay,
  round(count(*) filter (where flights.delay > 15)::numeric / count(*), 4) as late_share
from flights.flights
join flights.airports on airports.iata = flights.origin
where true
  [[ and flights.origin = any ({{ origin }}) ]]
  [[ and flights.date >= {{ period.start }} and flights.date < {{ period.end }} ]]
group by airports.iata
order by flights desc
