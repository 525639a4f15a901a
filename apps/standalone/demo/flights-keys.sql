create index flights_date on flights.flights (date);
create index flights_origin on flights.flights (origin, date);
create index flights_destination on flights.flights (destination, date);

alter table flights.flights
  add constraint flights_origin_fkey foreign key (origin) references flights.airports (iata),
  add constraint flights_destination_fkey foreign key (destination) references flights.airports (iata);
