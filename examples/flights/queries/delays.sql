-- How late flights leave, one row each: a sample for the distribution.
select delay, distance
from flights.flights
where delay between -30 and 120
  [[ and origin = any ({{ origin }}) ]]
  [[ and date >= {{ period.start }} and date < {{ period.end }} ]]
  and id % 29 = 0
order by id
limit 8000
