alter table datasource_schemas add column packed bytea;
comment on column datasource_schemas.packed is 'What the API answers, as gzipped JSON. NULL in rows of earlier versions.';
