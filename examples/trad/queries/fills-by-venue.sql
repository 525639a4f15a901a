-- Value filled each day at each venue, in CAD.
with clock as (
  select max(filled_at)::date as today from trad.fills
)
select
  fills.filled_at::date as day,
  orders.venue,
  count(*) as fills,
  round(sum(fills.qty * fills.price), 2) as filled_value
from trad.fills
join trad.orders on orders.id = fills.order_id
join trad.accounts on accounts.id = orders.account_id
join trad.instruments on instruments.id = orders.instrument_id
cross join clock
where fills.filled_at >= clock.today - {{ days }}::int
  [[ and accounts.desk = any ({{ desk }}) ]]
  [[ and instruments.asset_class = any ({{ asset_class }}) ]]
group by 1, 2
order by 1, 2
