create schema trad;
comment on schema trad is 'A trading desk: orders, their fills and the positions that follow. Everything in it is generated; firms and symbols are invented.';

create table trad.instruments (
  id          int primary key,
  symbol      text not null unique,
  name        text not null,
  asset_class text not null check (asset_class in ('equity', 'etf', 'crypto')),
  currency    text not null,
  tick_size   numeric(10, 6) not null check (tick_size > 0),
  lot_size    numeric(18, 4) not null check (lot_size > 0)
);
comment on table trad.instruments is 'What is traded.';
comment on column trad.instruments.id is 'Number of the instrument.';
comment on column trad.instruments.symbol is 'Ticker symbol.';
comment on column trad.instruments.name is 'Full name.';
comment on column trad.instruments.asset_class is 'Equities and ETFs trade on business days from 9:30 to 16:00 Toronto time, crypto always.';
comment on column trad.instruments.currency is 'Currency of its prices, ISO 4217.';
comment on column trad.instruments.tick_size is 'Smallest step of the price.';
comment on column trad.instruments.lot_size is 'Quantities are multiples of this.';

create table trad.accounts (
  id       int primary key,
  code     text not null unique,
  desk     text not null,
  strategy text not null
);
comment on table trad.accounts is 'Accounts that orders are placed for.';
comment on column trad.accounts.id is 'Number of the account.';
comment on column trad.accounts.code is 'Short name.';
comment on column trad.accounts.desk is 'The desk that runs it.';
comment on column trad.accounts.strategy is 'How it trades.';

create table trad.orders (
  id            bigint primary key,
  account_id    int not null,
  instrument_id int not null,
  side          text not null check (side in ('buy', 'sell')),
  type          text not null check (type in ('market', 'limit')),
  qty           numeric(18, 4) not null check (qty > 0),
  price         numeric(18, 6) check (price > 0),
  filled_qty    numeric(18, 4) not null check (filled_qty between 0 and qty),
  status        text not null check (status in ('open', 'filled', 'canceled', 'rejected')),
  placed_at     timestamptz not null,
  venue         text not null,
  reject_reason text,
  check ((type = 'limit') = (price is not null)),
  check ((status = 'rejected') = (reject_reason is not null)),
  check ((status = 'filled') = (filled_qty = qty))
);
comment on table trad.orders is 'Orders as sent to a venue.';
comment on column trad.orders.id is 'Number of the order, in order of time.';
comment on column trad.orders.account_id is 'For which account.';
comment on column trad.orders.instrument_id is 'Which instrument.';
comment on column trad.orders.side is 'buy or sell.';
comment on column trad.orders.type is 'market, or limit with a price.';
comment on column trad.orders.qty is 'Quantity ordered, in units of the instrument.';
comment on column trad.orders.price is 'Limit in the currency of the instrument; null for market orders.';
comment on column trad.orders.filled_qty is 'Sum of its fills.';
comment on column trad.orders.status is 'open, filled, canceled (filled in part or not at all) or rejected.';
comment on column trad.orders.placed_at is 'When it was sent.';
comment on column trad.orders.venue is 'Where it was sent.';
comment on column trad.orders.reject_reason is 'Why the venue or our risk check refused it; null otherwise.';

create table trad.fills (
  id         bigint primary key,
  order_id   bigint not null,
  qty        numeric(18, 4) not null check (qty > 0),
  price      numeric(18, 6) not null check (price > 0),
  fee        numeric(18, 4) not null,
  latency_us bigint not null check (latency_us > 0),
  filled_at  timestamptz not null
);
comment on table trad.fills is 'Executions of orders; an order has none, one or several.';
comment on column trad.fills.id is 'Number of the fill.';
comment on column trad.fills.order_id is 'The order it fills.';
comment on column trad.fills.qty is 'Quantity executed, in units of the instrument.';
comment on column trad.fills.price is 'Price in the currency of the instrument.';
comment on column trad.fills.fee is 'Fee in the currency of the instrument.';
comment on column trad.fills.latency_us is 'From sending the order to its acknowledgement by the venue, in microseconds.';
comment on column trad.fills.filled_at is 'When it was executed.';

create table trad.positions (
  day           date not null,
  account_id    int not null,
  instrument_id int not null,
  qty           numeric(18, 4) not null,
  close_price   numeric(18, 6) not null check (close_price > 0),
  market_value  numeric(24, 4) not null generated always as (qty * close_price) stored,
  primary key (day, account_id, instrument_id)
);
comment on table trad.positions is 'What each account held at the end of each day (UTC): the sum of its fills up to then. No row: never traded, or flat and not traded that day.';
comment on column trad.positions.day is 'Day in UTC.';
comment on column trad.positions.account_id is 'The account.';
comment on column trad.positions.instrument_id is 'The instrument.';
comment on column trad.positions.qty is 'Quantity held; negative: short.';
comment on column trad.positions.close_price is 'Last price of the day in the currency of the instrument.';
comment on column trad.positions.market_value is 'qty × close_price.';
