/**
 * One search over everything that an actor may see. Each type of thing is a branch of one statement, with the condition of
 * its visibility in its `where`, and gives its best few; the best of all of them are the answer. When that leaves room,
 * names that are nearly what was typed fill it, where PostgreSQL can tell.
 */
import type { SearchHit, SearchType } from "@quern/contract/library";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction } from "./db.ts";
import { columnBranch, tableBranch } from "./search-schemas.ts";
import { type Branch, branchesOf } from "./search-types.ts";
import { type Words, wordsOf } from "./search-words.ts";

type Row = Omit<SearchHit, "hit" | "path"> & {
  schema: string | null;
  relation: string | null;
  field: SearchHit["hit"]["field"];
  text: string;
};

/** A misspelt name shares this much of its trigrams with the right one; the extension's own 0.6 misses swapped letters. */
const SIMILAR = 0.4;
/** Shorter words are like too many names. */
const MIN_FUZZY = 4;

/** What fits `asked.q`, the best first. Empty when it has no words. */
export async function search(
  db: Database,
  actor: Actor,
  asked: { q: string; type?: SearchType | undefined; limit: number },
): Promise<SearchHit[]> {
  const words = wordsOf(asked.q);
  if (!words) return [];
  const scope = { actor, words, limit: asked.limit };
  const named = branchesOf(actor, words);
  const branches = [
    ...named.flatMap((branch) =>
      wanted(branch.type, asked.type) ? branch.selects(asked.limit) : [],
    ),
    ...(wanted("table", asked.type) ? [tableBranch(scope)] : []),
    ...(wanted("column", asked.type) ? [columnBranch(scope)] : []),
  ];
  return inTransaction(db, async (trx) => {
    await tune(trx);
    const found = await best(trx, branches, asked.limit);
    if (found.length >= asked.limit || words.whole.length < MIN_FUZZY) return found.map(toHit);
    const known = new Set(found.map(({ type, id }) => `${type} ${id}`));
    const near = (await similar(trx, words, named, asked)).filter(
      ({ type, id }) => !known.has(`${type} ${id}`),
    );
    return [...found, ...near].slice(0, asked.limit).map(toHit);
  });
}

/** A word of every query wants another plan than one of few: the plan is made for the words, each time. */
async function tune(db: Database): Promise<void> {
  await sql`
    select set_config('plan_cache_mode', 'force_custom_plan', true),
      set_config('pg_trgm.word_similarity_threshold', ${String(SIMILAR)}, true)`.execute(db);
}

function wanted(type: SearchType, only: SearchType | undefined): boolean {
  return only === undefined || only === type;
}

async function best(
  db: Database,
  branches: readonly RawBuilder<unknown>[],
  limit: number,
): Promise<Row[]> {
  const { rows } = await sql<Row & { at: Date | null }>`
    select * from (
      select distinct on (type, id, schema, relation, name) *
      from (${sql.join(
        branches.map((branch) => sql`(${branch})`),
        sql` union all `,
      )}) as hits
      order by type, id, schema, relation, name, score desc
    ) as best
    order by score desc, at desc nulls last, type, name, id
    limit ${limit}`.execute(db);
  return rows;
}

async function similar(
  db: Database,
  words: Words,
  named: readonly Branch[],
  asked: { type?: SearchType | undefined; limit: number },
): Promise<Row[]> {
  const { rows } = await sql<{ able: boolean }>`
    select to_regoperator('<%(text,text)') is not null as able`.execute(db);
  if (!rows[0]!.able) return [];
  const branches = named
    .filter(({ type }) => wanted(type, asked.type))
    .map((branch) => branch.similar(words.whole, asked.limit));
  if (branches.length === 0) return [];
  return best(db, branches, asked.limit);
}

function toHit({ schema, relation, field, text, ...row }: Row): SearchHit {
  return {
    type: row.type,
    id: row.id,
    name: row.name,
    context: row.context,
    query_id: row.query_id,
    path: schema !== null && relation !== null ? { schema, table: relation } : null,
    hit: { field, text },
    score: row.score,
  };
}
