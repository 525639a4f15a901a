-- A column called ok has to be true in every row.
select u.name, ohub.saidi(u.utility_id, :'since', :'since'::timestamptz + interval '1 year') as saidi,
       ohub.saidi(u.utility_id, :'since', :'since'::timestamptz + interval '1 year') between 0 and 525600 as ok
from ohub.utilities u
order by u.name;
