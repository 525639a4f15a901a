-- No random(): a hash of the number gives the same outages everywhere. `outages` says how many, `since` from when on.
insert into ohub.outages (utility_id, cause, began_at, ended_at, customers)
select 1 + h.a % 11,
       (enum_range(null::ohub.cause))[1 + least(h.b % 9, 5)],
       :'since'::timestamptz + make_interval(mins => h.c % (365 * 24 * 60)),
       case when n % 250 <> 0 then
         :'since'::timestamptz + make_interval(mins => h.c % (365 * 24 * 60) + 4 + h.b % 2000 / (1 + h.a % 20))
       end,
       1 + h.b % 900 + case when h.c % 97 = 0 then 40000 else 0 end
from generate_series(1, :outages) n
cross join lateral (
  select hashint4(n) & 2147483647 as a, hashint4(-n) & 2147483647 as b, hashint4(n * 7) & 2147483647 as c
) h;
