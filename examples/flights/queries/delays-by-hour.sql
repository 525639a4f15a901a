-- Average delay by weekday and hour of departure, in minutes.
select
  extract(hour from date)::int as hour,
  (array['1 Monday', '2 Tuesday', '3 Wednesday', '4 Thursday', '5 Friday', '6 Saturday', '7 Sunday'])[extract(isodow from date)::int] as weekday,
  round(avg(delay), 1) as average_delay
from flights.flights
where extract(hour from date) between 5 and 23
  [[ and origin = any ({{ origin }}) ]]
  [[ and date >= {{ period.start }} and date < {{ period.end }} ]]
group by 1, 2
order by 2, 1
