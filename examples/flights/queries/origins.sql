-- The airports of departure, for the choice.
select airports.iata as value, airports.iata || ' ' || coalesce(airports.city, airports.name) as label
from flights.airports
where exists (select from flights.flights where flights.origin = airports.iata)
order by 1
