-- The fifteen busiest airports of departure.
select
  airports.iata,
  airports.city,
  count(*) as flights
from flights.flights
join flights.airports on airports.iata = flights.origin
where true
  [[ and flights.date >= {{ period.start }} and flights.date < {{ period.end }} ]]
group by airports.iata
order by flights desc
limit 15
