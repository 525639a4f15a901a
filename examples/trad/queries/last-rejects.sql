-- The last orders that were refused.
select
  orders.placed_at,
  accounts.desk,
  accounts.code as account,
  instruments.symbol,
  orders.side,
  orders.qty,
  orders.venue,
  replace(orders.reject_reason, '_', ' ') as reason
from trad.orders
join trad.accounts on accounts.id = orders.account_id
join trad.instruments on instruments.id = orders.instrument_id
where orders.status = 'rejected'
  [[ and accounts.desk = any ({{ desk }}) ]]
order by orders.placed_at desc
limit 50
