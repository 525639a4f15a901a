-- Latency of each venue by the hour of the day in Toronto: the 95th percentile, in milliseconds.
with clock as (
  select max(filled_at)::date as today from trad.fills
)
select
  orders.venue,
  extract(hour from fills.filled_at at time zone 'America/Toronto')::int as hour,
  round((percentile_cont(0.95) within group (order by fills.latency_us) / 1000)::numeric, 2) as p95_ms
from trad.fills
join trad.orders on orders.id = fills.order_id
join trad.accounts on accounts.id = orders.account_id
cross join clock
where fills.filled_at >= clock.today - {{ days }}::int
  [[ and accounts.desk = any ({{ desk }}) ]]
group by 1, 2
order by 1, 2
