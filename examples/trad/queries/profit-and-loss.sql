-- Profit and loss since the first day shown, by desk: the change of what is held, less what was paid for it and the fees.
with clock as (
  select max(day) as today from trad.positions
),
traded as (
  select
    fills.filled_at::date as day, orders.account_id, orders.instrument_id,
    sum(case orders.side when 'buy' then fills.qty else -fills.qty end * fills.price) as paid,
    sum(fills.fee) as fees
  from trad.fills
  join trad.orders on orders.id = fills.order_id
  group by 1, 2, 3
),
daily as (
  select
    positions.day, positions.account_id, positions.instrument_id,
    positions.market_value
      - coalesce(lag(positions.market_value) over (partition by positions.account_id, positions.instrument_id order by positions.day), 0)
      - coalesce(traded.paid, 0) - coalesce(traded.fees, 0) as profit
  from trad.positions
  left join traded using (day, account_id, instrument_id)
),
by_desk as (
  select daily.day, accounts.desk, sum(daily.profit) as profit
  from daily
  join trad.accounts on accounts.id = daily.account_id
  join trad.instruments on instruments.id = daily.instrument_id
  cross join clock
  where daily.day > clock.today - {{ days }}::int
    [[ and accounts.desk = any ({{ desk }}) ]]
    [[ and instruments.asset_class = any ({{ asset_class }}) ]]
  group by 1, 2
)
select
  day,
  desk,
  round(profit, 2) as profit,
  round(sum(profit) over (partition by desk order by day), 2) as profit_so_far
from by_desk
order by day, desk
