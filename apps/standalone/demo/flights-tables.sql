create schema flights;
comment on schema flights is 'Flights within the United States, January to June 2001 (US Bureau of Transportation Statistics), a sample of one in twelve.';

create table flights.airports (
  iata      text primary key,
  name      text not null,
  city      text,
  state     text,
  country   text not null,
  latitude  double precision not null,
  longitude double precision not null
);
comment on table flights.airports is 'Airports of the United States and its territories (data.gov).';
comment on column flights.airports.iata is 'Airport code: IATA where there is one, else the code of the FAA.';
comment on column flights.airports.name is 'Name of the airport.';
comment on column flights.airports.city is 'City it serves; null where the source has none.';
comment on column flights.airports.state is 'State or territory, two letters; null where the source has none.';
comment on column flights.airports.country is 'Country, as the source spells it.';
comment on column flights.airports.latitude is 'Degrees north.';
comment on column flights.airports.longitude is 'Degrees east (negative: west).';

create table flights.flights (
  id          bigint generated always as identity primary key,
  date        timestamp not null,
  delay       bigint not null,
  distance    bigint not null,
  origin      text not null,
  destination text not null
);
comment on table flights.flights is
  'One row per flight: every 12th of the 3,000,000 flights of the source in order of time, so that months, airports and routes compare. For estimates of all flights in the source multiply counts by 12.';
comment on column flights.flights.id is 'Number of the row, in order of time.';
comment on column flights.flights.date is 'Departure in the local time of the origin (so without a time zone).';
comment on column flights.flights.delay is 'Delay in minutes; negative: early.';
comment on column flights.flights.distance is 'Distance in miles.';
comment on column flights.flights.origin is 'Airport of departure, airports.iata.';
comment on column flights.flights.destination is 'Airport of arrival, airports.iata.';
