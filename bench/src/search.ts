import { type SearchType, search } from "@quern/contract/library";
import { listQueries } from "@quern/contract/queries";
import pg from "pg";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { measure, quantile, time } from "./times.ts";

const QUERIES = 10_000;
const TABLES = 5_000;
const BUDGET_MS = 50;

const ASKED: Record<string, { q: string; type?: SearchType }> = {
  "a word of few names": { q: "kestrel 77" },
  "a word in every SQL": { q: "select" },
  "two words, one in the SQL": { q: "report column_4321" },
  "two letters": { q: "re" },
  "a misspelt word": { q: "kesterl" },
  "200 odd characters": { q: "%_\\'\"^$.*+?()[]{}|-;:,<>/!@#&~`".repeat(7).slice(0, 200) },
  "a column": { q: "column_77", type: "column" },
};

/** The search over 10,000 queries of about 1 KB and 5,000 tables of 20 columns, over HTTP, beside its budget. */
export async function searching(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false });
  const db = new pg.Client({ connectionString: benched.databaseUrl });
  await db.connect();
  try {
    await fill(db);
    const measures: Measure[] = [];
    const add = async (what: string, work: () => Promise<unknown>) => {
      const times = await time(work, { rounds: 60, warmUp: 15 });
      measures.push(
        measure(`${what}, p50; peer: the budget`, quantile(times, 0.5), BUDGET_MS, "ms"),
      );
    };
    for (const [what, query] of Object.entries(ASKED))
      await add(`search for ${what}`, () =>
        benched.client.call(search, { query: { ...query, limit: 20 } }),
      );
    for (const sort of ["updated", "name", "last_run"] as const)
      await add(`100 of 10,000 queries by ${sort}`, () =>
        benched.client.call(listQueries, { query: { sort, limit: 100 } }),
      );
    return measures;
  } finally {
    await db.end();
  }
}

async function fill(db: pg.Client): Promise<void> {
  await db.query(`
    insert into datasources (org_id, name, type, config) select id, 'bench', 'postgres', '{}' from orgs;
    create table bench_queries as select uuid_v7() as id, n from generate_series(1, ${QUERIES}) as n;
    begin;
    insert into queries (id, org_id) select bench_queries.id, orgs.id from bench_queries, orgs;
    insert into query_versions (query_id, version, name, description, datasource_id, sql)
    select bench_queries.id, 1,
      (array['Report', 'Revenue', 'Orders', 'Outages', 'Flights', 'Customers', 'Kestrel'])[1 + n % 7] || ' ' || n,
      'What the team looks at on day ' || n % 365,
      datasources.id,
      (select 'select ' || string_agg('column_' || (n * 7 + k) % 9973, ', ' order by k) || ' from table_' || n % 500
        from generate_series(1, 70) as k)
    from bench_queries, datasources;
    commit;
    insert into schema_names (datasource_id, schema_name, relation_name, kind, columns)
    select datasources.id, 'public', 'table_' || n, 'table',
      (select string_agg('column_' || n * 20 + k, E'\\n') from generate_series(1, 20) as k)
    from datasources, generate_series(1, ${TABLES}) as n;
  `);
  await db.query("vacuum (analyze, parallel 0)");
}
