-- Each of the last 30 trading days: orders, what became of them, and how fast the venues answered.
with days as (
  select
    orders.placed_at::date as day,
    count(*) as orders,
    count(*) filter (where orders.status = 'rejected') as rejects,
    sum(orders.filled_qty) / nullif(sum(orders.qty) filter (where orders.status <> 'rejected'), 0) as fill_rate,
    count(*) filter (where orders.status = 'rejected')::numeric / count(*) as reject_rate
  from trad.orders
  join trad.accounts on accounts.id = orders.account_id
  where true
    [[ and accounts.desk = any ({{ desk }}) ]]
  group by 1
)
select day, orders, rejects, round(fill_rate, 4) as fill_rate, round(reject_rate, 4) as reject_rate
from (select * from days order by day desc limit 30) as latest
order by day
