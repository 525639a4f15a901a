-- Orders of each day by what became of them.
with clock as (
  select max(placed_at)::date as today from trad.orders
)
select
  orders.placed_at::date as day,
  orders.status,
  count(*) as orders
from trad.orders
join trad.accounts on accounts.id = orders.account_id
join trad.instruments on instruments.id = orders.instrument_id
cross join clock
where orders.placed_at >= clock.today - {{ days }}::int
  [[ and accounts.desk = any ({{ desk }}) ]]
  [[ and instruments.asset_class = any ({{ asset_class }}) ]]
group by 1, 2
order by 1, 2
