import type { Column } from "@quern/contract/results";
import type { Relation } from "./source.ts";

export const COMPARISON_COLUMNS: Column[] = [
  { name: "change", type: "text", source_type: "text" },
  { name: "count", type: "int8", source_type: "bigint" },
];

/**
 * The table `difference`: rows that one of two results has more often than the other, as multisets. `n` is positive for
 * those of `ours`; `pos` is where it first stands in the one that has it.
 */
export function differenceSql(ours: Relation, theirs: Relation): string {
  const names = ours.names.join(", ");
  return `create temp table difference as
    select sum(side)::bigint as n, min(pos) as pos, ${names}
    from (select 1 as side, * from ${ours.sql} union all by name select -1 as side, * from ${theirs.sql})
    group by ${names} having sum(side) <> 0`;
}

/** Its rows as a result: the columns of the source stand two further. */
export function changesSql({ names }: Relation, maxRows: number): string {
  const shifted = names.map(
    (name) => `${name} as ${name[0]}${Number(name.slice(1)) + COMPARISON_COLUMNS.length}`,
  );
  return `select case when n > 0 then 'added' else 'removed' end as c0, abs(n) as c1, ${shifted.join(", ")}
    from difference order by pos, n limit ${maxRows}`;
}
