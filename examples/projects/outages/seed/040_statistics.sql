refresh materialized view ohub.by_day;
-- Once, here: every state after this has the same statistics, and so the same plans.
analyze ohub.outages;
analyze ohub.utilities;
analyze ohub.by_day;
