-- From sending an order to the venue's answer, in milliseconds: each day's median, 95th and 99th percentile.
with clock as (
  select max(filled_at)::date as today from trad.fills
)
select
  fills.filled_at::date as day,
  round((percentile_cont(0.50) within group (order by fills.latency_us) / 1000)::numeric, 2) as p50_ms,
  round((percentile_cont(0.95) within group (order by fills.latency_us) / 1000)::numeric, 2) as p95_ms,
  round((percentile_cont(0.99) within group (order by fills.latency_us) / 1000)::numeric, 2) as p99_ms
from trad.fills
join trad.orders on orders.id = fills.order_id
join trad.accounts on accounts.id = orders.account_id
cross join clock
where fills.filled_at >= clock.today - {{ days }}::int
  [[ and accounts.desk = any ({{ desk }}) ]]
group by 1
order by 1
