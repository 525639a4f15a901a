/** Self-made projects to measure with: the same text every time, whatever the machine. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type ChainFile = { path: string; content: string };

/**
 * Migrations as a team writes them over the years: tables with keys, columns added later, indexes, rows, views, functions,
 * checks. `files` of about 350 bytes each; `edit` changes the text of one of them (from 1), not what it does.
 */
export function migrationChain(files = 400, edit?: { file: number; mark: string }): ChainFile[] {
  return Array.from({ length: files }, (_, index) => {
    const mark = edit?.file === index + 1 ? `-- ${edit.mark}\n` : "";
    const number = String(index + 1).padStart(4, "0");
    return {
      path: `init/${number}_${KINDS[index % KINDS.length]!.name}.sql`,
      content: mark + migration(index),
    };
  });
}

type Kind = { name: string; write: (table: number, index: number) => string };

const KINDS: readonly Kind[] = [
  {
    name: "table",
    write: (table) => `create table t${table} (
  id         bigint generated always as identity primary key,
  parent_id  bigint ${table > 0 ? `references t${table - 1}` : ""},
  name       text not null check (length(name) between 1 and 200),
  amount     numeric(14, 2) not null default 0,
  state      text not null default 'open' check (state in ('open', 'held', 'closed')),
  created_at timestamptz not null default '2025-01-01 00:00+00',
  attributes jsonb not null default '{}'
);
comment on table t${table} is 'Step ${table} of a chain that was made to be measured.';
create index t${table}_by_parent on t${table} (parent_id) where parent_id is not null;`,
  },
  {
    name: "rows",
    write: (table) => `insert into t${table} (name, amount, created_at, attributes)
select 'row ' || n, n * 1.25, '2025-01-01 00:00+00'::timestamptz + n * interval '1 hour',
       jsonb_build_object('n', n, 'even', n % 2 = 0)
from generate_series(1, 200) n;
update t${table} set state = 'closed' where id % 7 = 0;
delete from t${table} where id % 50 = 0;`,
  },
  {
    name: "columns",
    write: (table) => `alter table t${table} add column note text;
alter table t${table} add column weight int not null default 1;
alter table t${table} alter column weight drop default;
update t${table} set note = 'heavy', weight = id % 10 where amount > 100;
alter table t${table} add constraint t${table}_weight check (weight >= 0);`,
  },
  {
    name: "indexes",
    write: (table) => `create index t${table}_by_state on t${table} (state, created_at desc);
create unique index t${table}_by_name on t${table} (lower(name));
create index t${table}_attributes on t${table} using gin (attributes);`,
  },
  {
    name: "view",
    write: (table) => `create view v${table} as
select state, count(*) as rows, sum(amount) as amount, max(created_at) as newest
from t${table}
group by state;
create function f${table}(wanted text) returns numeric
language sql stable
return (select coalesce(sum(amount), 0) from t${table} where state = wanted);`,
  },
];

function migration(index: number): string {
  const kind = KINDS[index % KINDS.length]!;
  return `-- Migration ${index + 1}: ${kind.name}\n${kind.write(Math.floor(index / KINDS.length), index)}\n`;
}

/** Puts the files into a folder. */
export async function writeChain(folder: string, files: readonly ChainFile[]): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
