-- Why orders were refused, by week.
with clock as (
  select max(placed_at)::date as today from trad.orders
)
select
  date_trunc('week', orders.placed_at)::date as week,
  replace(orders.reject_reason, '_', ' ') as reason,
  count(*) as rejects
from trad.orders
join trad.accounts on accounts.id = orders.account_id
cross join clock
where orders.status = 'rejected'
  and orders.placed_at >= clock.today - greatest({{ days }}::int, 90)
  [[ and accounts.desk = any ({{ desk }}) ]]
group by 1, 2
order by 1, 2
