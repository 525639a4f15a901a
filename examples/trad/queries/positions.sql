-- What is held now, by account and instrument.
with clock as (
  select max(day) as today from trad.positions
),
latest as (
  select distinct on (account_id, instrument_id) account_id, instrument_id, day, qty, close_price, market_value
  from trad.positions, clock
  where day > clock.today - 7
  order by account_id, instrument_id, day desc
)
select
  accounts.desk,
  accounts.code as account,
  replace(accounts.strategy, '_', ' ') as strategy,
  instruments.symbol,
  instruments.asset_class,
  latest.qty,
  latest.close_price,
  round(latest.market_value, 2) as market_value
from latest
join trad.accounts on accounts.id = latest.account_id
join trad.instruments on instruments.id = latest.instrument_id
where latest.qty <> 0
  [[ and accounts.desk = any ({{ desk }}) ]]
  [[ and instruments.asset_class = any ({{ asset_class }}) ]]
order by abs(latest.market_value) desc
