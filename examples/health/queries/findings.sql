-- What the advisors found, the gravest first; in the database as a whole where no object is named.
select
  findings.severity,
  replace(findings.rule, '-', ' ') as rule,
  findings.database_name,
  coalesce(nullif(findings.object, ''), findings.database_name) as object,
  findings.confidence,
  findings.first_seen_at,
  findings.fix_sql
from health.findings
where findings.state = 'open'
order by array_position(array['critical', 'warning', 'info'], findings.severity), findings.first_seen_at desc
limit 200
