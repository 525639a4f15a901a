copy ohub.provinces (code, name, timezone) from stdin;
AB	Alberta	America/Edmonton
BC	British Columbia	America/Vancouver
MB	Manitoba	America/Winnipeg
NB	New Brunswick	America/Moncton
NL	Newfoundland and Labrador	America/St_Johns
NS	Nova Scotia	America/Halifax
ON	Ontario	America/Toronto
PE	Prince Edward Island	America/Halifax
QC	Québec	America/Montreal
SK	Saskatchewan	America/Regina
\.
