alter table trad.orders
  add constraint orders_account_fkey foreign key (account_id) references trad.accounts (id),
  add constraint orders_instrument_fkey foreign key (instrument_id) references trad.instruments (id);
alter table trad.fills
  add constraint fills_order_fkey foreign key (order_id) references trad.orders (id);
alter table trad.positions
  add constraint positions_account_fkey foreign key (account_id) references trad.accounts (id),
  add constraint positions_instrument_fkey foreign key (instrument_id) references trad.instruments (id);

create index orders_placed on trad.orders (placed_at);
create index orders_account on trad.orders (account_id, placed_at);
create index orders_instrument on trad.orders (instrument_id, placed_at);
create index fills_order on trad.fills (order_id);
create index fills_filled on trad.fills (filled_at);
create index positions_instrument on trad.positions (instrument_id, day);
