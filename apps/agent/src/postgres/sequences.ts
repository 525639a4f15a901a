/**
 * Sequences with the columns that live on them: a bigint sequence on an integer column ends where the column does.
 * Owners come from dependencies and from defaults, since not every sequence is owned.
 */
import type { SequenceStats } from "@quern/contract/agent/relations";
import { SectionError } from "../engine/section.ts";
import { count, counter, type Row } from "../engine/values.ts";
import { type Facts, HELPER_SCHEMA } from "./facts.ts";
import { quoted } from "./select-list.ts";
import type { Session } from "./session.ts";
import { flag, json } from "./values.ts";

const MOST = 20_000;
const MAX_OF_TYPE: Record<string, string> = {
  smallint: "32767",
  integer: "2147483647",
  bigint: "9223372036854775807",
};

type Column = { schema: string; table: string; column: string; data_type: string };

type SequencesAnswer = {
  sequences: SequenceStats[];
  truncated: boolean;
  problem: SectionError | null;
};

export async function readSequences(session: Session, facts: Facts): Promise<SequencesAnswer> {
  const rows = await session.readOnly(() => session.query(sequencesSql(facts), [MOST + 1]));
  const sequences = rows.slice(0, MOST).map(sequenceOf);
  const hidden = sequences.filter(({ readable }) => !readable).length;
  return {
    sequences,
    truncated: rows.length > MOST,
    problem:
      hidden === 0
        ? null
        : new SectionError(
            "no_permission",
            `The last ${hidden === 1 ? "value of one sequence" : `values of ${hidden} sequences`} may not be read: run the SQL of --print-helper-sql, or grant select on all sequences in schema … to ${quoted(facts.role)};`,
            "42501",
          ),
  };
}

/** On a standby the value of an unlogged sequence cannot be had: asking for it is an error. */
function sequencesSql(facts: Facts): string {
  const asked = `case when has_sequence_privilege(s.seqrelid, 'select, usage')
      ${facts.in_recovery ? "and c.relpersistence = 'p'" : ""}
      then pg_sequence_last_value(s.seqrelid) end`;
  return `with owned as (
      select d.objid as seqrelid, d.refobjid as relid, d.refobjsubid as attnum from pg_depend as d
        where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
          and d.deptype in ('a', 'i') and d.refobjsubid > 0
      union
      select d.refobjid, ad.adrelid, ad.adnum from pg_depend as d join pg_attrdef as ad on ad.oid = d.objid
        where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass)
    select n.nspname as schema, c.relname as sequence, format_type(s.seqtypid, null) as data_type,
      s.seqmin as min_value, s.seqmax as max_value, s.seqincrement as increment, s.seqcycle as cycles,
      ${facts.helper ? `coalesce(h.last_value, ${asked})` : asked} as last_value,
      ${facts.helper} or has_sequence_privilege(s.seqrelid, 'select, usage') as readable,
      (select json_agg(json_build_object('schema', tn.nspname, 'table', t.relname, 'column', a.attname,
          'data_type', format_type(a.atttypid, null)) order by t.oid, a.attnum)
        from (select * from owned as o where o.seqrelid = s.seqrelid order by o.relid, o.attnum limit 50) as o
        join pg_attribute as a on a.attrelid = o.relid and a.attnum = o.attnum
        join pg_class as t on t.oid = o.relid join pg_namespace as tn on tn.oid = t.relnamespace) as columns
    from pg_sequence as s join pg_class as c on c.oid = s.seqrelid
    join pg_namespace as n on n.oid = c.relnamespace
    ${facts.helper ? `left join ${HELPER_SCHEMA}.sequence_values() as h on h.sequence = s.seqrelid` : ""}
    where c.relpersistence <> 't' and n.nspname !~ '^pg_'
    order by c.oid limit $1`;
}

function sequenceOf(row: Row): SequenceStats {
  const columns = json<Column[]>(row.columns) ?? [];
  return {
    schema: row.schema ?? "",
    sequence: row.sequence ?? "",
    data_type: row.data_type ?? "",
    min_value: count(row.min_value),
    max_value: count(row.max_value),
    increment: count(row.increment),
    cycles: flag(row.cycles),
    last_value: counter(row.last_value),
    readable: flag(row.readable),
    columns: columns.map((column) => ({
      ...column,
      data_type: column.data_type.slice(0, 80),
      max_value: counter(MAX_OF_TYPE[column.data_type]),
    })),
  };
}
