-- What the advisors found and nobody put off, by severity; each with what was found in the last day.
select
  severities.severity,
  count(findings.finding_id) as findings,
  count(findings.finding_id) filter (where findings.first_seen_at >= now() - interval '1 day') as since_yesterday
from unnest(array['critical', 'warning', 'info']) with ordinality as severities (severity, place)
left join health.findings on findings.severity = severities.severity and findings.state = 'open'
group by severities.severity, severities.place
order by severities.place
