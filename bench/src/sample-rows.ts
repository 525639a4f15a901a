/** The table that the benchmarks of results read: seven columns of the usual types, as in the budget. */
import type { PostgresConfig } from "@quern/contract/datasources";
import pg from "pg";

export type Sample = { config: PostgresConfig; password: string; url: string };

/** Makes a database with the table `rows` of `count` rows. It is gone with the server. */
export async function makeSample(
  target: { config: PostgresConfig; password: string },
  count: number,
): Promise<Sample> {
  const { host, port, user } = target.config;
  const { password } = target;
  const admin = new pg.Client({ host, port, user, password, database: "postgres" });
  await admin.connect();
  const database = `sample_${count}`;
  await admin.query(`create database ${database}`);
  await admin.end();
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  await client.query(`
    create unlogged table rows as
    select n::int8 as id,
      'name ' || n % 1000 as name,
      (n % 1000000 / 100.0)::numeric(14,2) as amount,
      timestamptz '2001-01-01 00:00+00' + n * interval '1 second' as at,
      n % 3 = 0 as flag,
      md5(n::text) as hash,
      n / 7.0::float8 as ratio
    from generate_series(1, ${count}) as n`);
  await client.query("create index on rows (id)");
  await client.query("vacuum analyze rows");
  await client.end();
  const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
  return { config: { ...target.config, database }, password, url };
}
