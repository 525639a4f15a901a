-- Long and short market value by instrument, in CAD.
with clock as (
  select max(day) as today from trad.positions
),
latest as (
  select distinct on (account_id, instrument_id) account_id, instrument_id, market_value
  from trad.positions, clock
  where day > clock.today - 7
  order by account_id, instrument_id, day desc
)
select
  instruments.symbol,
  round(coalesce(sum(latest.market_value) filter (where latest.market_value > 0), 0), 2) as long,
  round(coalesce(sum(latest.market_value) filter (where latest.market_value < 0), 0), 2) as short
from latest
join trad.accounts on accounts.id = latest.account_id
join trad.instruments on instruments.id = latest.instrument_id
where true
  [[ and accounts.desk = any ({{ desk }}) ]]
  [[ and instruments.asset_class = any ({{ asset_class }}) ]]
group by instruments.symbol
order by sum(abs(latest.market_value)) desc
