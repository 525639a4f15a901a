/** Which keywords may come where; several words that belong together are one entry. */
const words = (list: string): string[] => list.trim().split(/\s*·\s*/);

export const STATEMENT_WORDS = words(
  `select · with · insert into · update · delete from · explain · explain analyze · values · table · create table ·
  create view · create materialized view · create index · create function · create schema · alter table · drop table ·
  truncate · merge into · refresh materialized view · analyze · vacuum · show · set · begin · commit · rollback · call ·
  comment on · grant · revoke · with recursive · copy`,
);

const VALUE_WORDS = words(
  `case · not · exists · null · true · false · cast · interval · array · row · current_date · current_timestamp ·
  date · timestamp · extract · select`,
);

const AFTER_VALUE_WORDS = words(
  `and · or · as · is null · is not null · in · not in · like · ilike · not like · between · is distinct from ·
  is not distinct from · at time zone · similar to · collate · over · filter`,
);

const AFTER_TABLE_WORDS = words(
  `where · join · left join · right join · full join · inner join · cross join · join lateral · left join lateral · on ·
  using · group by · order by · having · limit · offset · union all · union · intersect · except · as · set · values ·
  tablesample · returning · for update · natural join · window · default values · select`,
);

const CLAUSES = words(
  `from · where · group by · having · order by · limit · offset · union all · union · intersect · except · join ·
  left join · inner join · cross join · window · fetch first · for update · returning · on conflict`,
);

const CASE_WORDS = words("when · then · else · end");
const ORDER_WORDS = words("asc · desc · nulls first · nulls last · limit · offset · fetch first");
const OVER_WORDS = words("partition by · order by · rows between · range between");

export const TYPES = words(
  `text · integer · bigint · numeric · boolean · date · timestamp · timestamptz · time · interval · uuid · json · jsonb ·
  real · double precision · smallint · bytea · varchar · char · inet · regclass · int4 · int8 · float8 · tsvector`,
);

/** The keywords with which a value may begin, in the clause it is in. */
export function wordsOfValue(clause: string): string[] {
  if (clause === "select") return ["distinct", "distinct on", "all", ...VALUE_WORDS];
  if (clause === "on" || clause === "where" || clause === "having" || clause === "when")
    return VALUE_WORDS;
  if (clause === "values" || clause === "set") return ["default", ...VALUE_WORDS];
  if (clause === "case") return ["when", ...VALUE_WORDS];
  if (clause === "limit") return ["all"];
  return [...VALUE_WORDS, ...OVER_WORDS];
}

/** The keywords that may follow a value, those of its clause first. */
export function wordsAfterValue(clause: string): string[] {
  if (/^(case|when|then|else)$/.test(clause))
    return [...CASE_WORDS, ...AFTER_VALUE_WORDS, ...CLAUSES];
  if (clause === "order") return [...ORDER_WORDS, ...AFTER_VALUE_WORDS, ...CLAUSES];
  if (clause === "partition") return [...OVER_WORDS, ...AFTER_VALUE_WORDS];
  if (clause === "limit" || clause === "offset") return ["offset", "limit", ...CLAUSES];
  if (clause === "create" || clause === "")
    return [...AFTER_VALUE_WORDS, ...CLAUSES, ...STATEMENT_WORDS];
  return [...AFTER_VALUE_WORDS, ...CLAUSES, ...CASE_WORDS];
}

export function wordsAfterTable(join: boolean): string[] {
  return join ? ["on", "using", ...AFTER_TABLE_WORDS] : AFTER_TABLE_WORDS;
}

export const DEFINITION_WORDS = words(
  `primary key · not null · references · unique · default · check · generated always as identity · if not exists ·
  if exists · cascade · or replace · on delete cascade · add column · drop column · rename to · alter column · owner to ·
  language sql · language plpgsql · returns · returns table · concurrently`,
);
