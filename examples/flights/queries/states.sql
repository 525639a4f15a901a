-- Flights and delays by the state of departure.
select
  'US-' || airports.state as state,
  count(*) as flights,
  round(avg(flights.delay), 2) as average_delay
from flights.flights
join flights.airports on airports.iata = flights.origin
where airports.state is not null
  [[ and flights.date >= {{ period.start }} and flights.date < {{ period.end }} ]]
group by 1
order by flights desc
