import { isStorableText } from "@quern/contract/text";
import fc from "fast-check";
import { loadModule, scanSync } from "libpg-query";
import { beforeAll, expect, test } from "vitest";
import { normaliseExpression } from "./expression.ts";
import { withoutLiterals } from "./literals.ts";
import { loadParser } from "./parser.ts";
import { normaliseStatement } from "./statement.ts";

beforeAll(loadParser);

/** A word that no keyword, name or number of the templates contains. */
const secret = fc.stringMatching(/^zq[a-z0-9]{6,12}q$/);
const digits = fc.stringMatching(/^[1-9][0-9]{8,17}$/);

/** Every way that PostgreSQL has to write a literal, with the secret in it. */
const literal = fc.oneof(
  secret.map((it) => ({ it, sql: `'${it}'` })),
  secret.map((it) => ({ it, sql: `'O''${it}'` })),
  secret.map((it) => ({ it, sql: `E'x\\'${it}\\n'` })),
  secret.map((it) => ({ it, sql: `e'\\\\'\n'${it}'` })),
  secret.map((it) => ({ it, sql: `U&'\\0441${it}'` })),
  secret.map((it) => ({ it, sql: `U&'!0441${it}' uescape '!'` })),
  secret.map((it) => ({ it, sql: `$$${it}$$` })),
  secret.map((it) => ({ it, sql: `$t$a ' ${it} $u$ " $t$` })),
  secret.map((it) => ({ it, sql: `$é$${it}$é$` })),
  secret.map((it) => ({ it, sql: `N'${it}'` })),
  secret.map((it) => ({ it, sql: `'{"${it}": "${it}"}'::jsonb` })),
  secret.map((it) => ({ it, sql: `interval '${it}' day` })),
  secret.map((it) => ({ it, sql: `date '${it}'` })),
  secret.map((it) => ({ it, sql: `array['a', '${it}']` })),
  secret.map((it) => ({ it, sql: `cast('${it}' as varchar(7))` })),
  secret.map((it) => ({ it, sql: `'a' -- ${it}\n'${it}'` })),
  secret.map((it) => ({ it, sql: `/* ${it} /* ${it} */ */ 1` })),
  secret.map((it) => ({ it, sql: `'--' /*${it}*/` })),
  digits.map((it) => ({ it, sql: it })),
  digits.map((it) => ({ it, sql: `-${it}` })),
  digits.map((it) => ({ it, sql: `${it}.5e3` })),
  digits.map((it) => ({ it, sql: `.${it}` })),
  digits.map((it) => ({ it, sql: `0x${it}` })),
  digits.map((it) => ({ it, sql: `X'${it}'` })),
  digits.map((it) => ({ it: it.replace(/[2-9]/g, "1"), sql: `B'${it.replace(/[2-9]/g, "1")}'` })),
);

const QUERIES = [
  "select * from t where a = %",
  "select*from t where a=%and b=1",
  'select % as x, "%q" from t group by 1 having count(*) > % order by 2 limit %',
  "insert into t (a) values (%), (%) on conflict (a) do update set a = %",
  "update t set a = %, b = f(x => %) where c like %",
  "delete from t using u where t.a in (%, %, $1)",
  "merge into t using s on t.a = % when matched then update set b = %",
  "with w (a) as (values (%)) select case when a = % then % else % end from w",
  "select * from f(%) with ordinality, lateral (select %) x",
  "select sum(a) filter (where b = %) over (order by c) from t",
  "select * from t; select %",
  "explain select %",
  "create table y as select % as a",
  "create view v as select % as a",
  "prepare p as select %",
  "call p(%)",
  "begin; select %; commit",
];

const filled = (template: string) =>
  fc.tuple(fc.constant(template), literal, literal).map(([text, one, other]) => {
    let turn = 0;
    // A name in quotes is a name: what is asked for there stays out of this test.
    const sql = text.replaceAll('"%q"', '"q"').replaceAll("%", () => {
      turn += 1;
      return turn % 2 === 1 ? one.sql : other.sql;
    });
    return { sql, hidden: turn > 1 ? [one.it, other.it] : [one.it] };
  });

test("no literal of a query is sent, however it is written and wherever it stands", () => {
  let read = 0;
  fc.assert(
    fc.property(fc.constantFrom(...QUERIES).chain(filled), ({ sql, hidden }) => {
      const normalised = normaliseStatement(sql, { track_size: null });
      if (normalised.text_state === "normalised") read += 1;
      for (const it of hidden) expect(JSON.stringify(normalised)).not.toContain(it);
    }),
    { numRuns: 2_000 },
  );
  // Most of what is made is SQL: the test is not about placeholders.
  expect(read).toBeGreaterThan(1_200);
});

test("nor of a text that is cut anywhere, or mangled", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...QUERIES).chain(filled),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom("", "'", '"', "$$", "/*", "\\", "\ufffd", "\ud83d", "\u0000"),
      ({ sql, hidden }, share, junk) => {
        const at = Math.floor(sql.length * share);
        const cut = sql.slice(0, at) + junk + (junk === "" ? "" : sql.slice(at));
        const track_size = junk === "" ? Buffer.byteLength(cut) + 1 : null;
        const normalised = normaliseStatement(cut, { track_size });
        if (normalised.text_state === "normalised") return;
        for (const it of hidden) expect(JSON.stringify(normalised)).not.toContain(it);
      },
    ),
    { numRuns: 1_000 },
  );
});

const FRAGMENTS = [
  ...[
    "'",
    "''",
    '"',
    "\\",
    "$$",
    "$t$",
    "--",
    "/*",
    "*/",
    "\n",
    " ",
    ";",
    ",",
    "(",
    ")",
    "E",
    "U&",
    "N",
    "b",
  ],
  ...[
    "select ",
    "a",
    "$1",
    "1",
    "::",
    "-",
    "+",
    "uescape",
    "é",
    "\u00a0",
    "x'",
    "$",
    "/",
    "*",
    ".",
  ],
];
const soup = fc.array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.constant("zqsecretq")), {
  minLength: 1,
  maxLength: 20,
});

test("whatever PostgreSQL's scanner takes for a literal or a comment, so do we", async () => {
  await loadModule();
  let judged = 0;
  fc.assert(
    fc.property(soup, (pieces) => {
      const text = pieces.join("");
      const tokens = tokensOf(text);
      if (tokens === null) return;
      const named = tokens.some(
        (it) => it.text.includes("zqsecretq") && !LITERALS.has(it.tokenType),
      );
      if (named) return;
      judged += 1;
      expect(withoutLiterals(text), text).not.toContain("zqsecretq");
    }),
    { numRuns: 20_000 },
  );
  expect(judged).toBeGreaterThan(1_000);
});

/** Of PostgreSQL's grammar: FCONST, SCONST, USCONST, BCONST, XCONST, ICONST. */
const LITERALS = new Set([260, 261, 262, 263, 264, 266]);

/** Without comments; null for what the scanner refuses. */
function tokensOf(text: string) {
  try {
    return scanSync(text).tokens.filter(({ tokenName }) => !/COMMENT/.test(tokenName));
  } catch (error) {
    // "unterminated quoted string", "invalid hexadecimal …": what the scanner says is all there is.
    if (error instanceof Error) return null;
    throw error;
  }
}

test("no text makes it fail, and what it makes can be stored", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.boolean(), (text, whole) => {
      const { query } = normaliseStatement(text, { track_size: whole ? null : 64 });
      expect(isStorableText(query)).toBe(true);
      expect(isStorableText(normaliseExpression(text).text)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

const UTILITY = [
  "alter role bob with login password '%' valid until '%'",
  "create role bob password '%'",
  "create user mapping for bob server s options (user '%', password '%')",
  "alter user mapping for bob server s options (set password '%')",
  "create server s foreign data wrapper w options (host '%')",
  "create subscription s connection 'host=h password=%' publication p",
  "alter subscription s connection 'password=%'",
  "copy t from program 'curl %'",
  "copy (select '%') to '/tmp/%'",
  "do $$ begin perform '%'; end $$",
  "do language plpgsql '%'",
  "set x = '%'",
  "set local x.y to %, %",
  "set role %",
  "alter system set primary_conninfo = 'password=%'",
  "alter database d set search_path = '%'",
  "alter role bob in database d set x = '%'",
  "comment on table t is '%'",
  "security label on table t is '%'",
  "create type e as enum ('%', 'b')",
  "alter type e add value '%'",
  "create table t (a text default '%' check (a <> '%')) with (fillfactor = 70)",
  "alter table t add column c text default '%', add check (c <> '%')",
  "alter table t alter c set default '%'",
  "create index i on t ((a || '%')) where b = '%'",
  "create policy p on t using (a = '%') with check (a = '%')",
  "create rule r as on insert to t do instead select '%'",
  "create trigger g before insert on t for each row when (new.a = '%') execute function f('%')",
  "create function f(a text default '%') returns text language sql set x = '%' as '%'",
  "create function f() returns text begin atomic select '%'; end",
  "create procedure p() language plpgsql as $$ '%' $$",
  "create domain d as text default '%' check (value <> '%')",
  "create table p1 partition of p for values in ('%')",
  "create statistics s on (a || '%'), b from t",
  "create publication p for table t where (a = '%')",
  "create operator class o for type t using btree as operator 1 <",
  "create foreign table t (a int options (column_name '%')) server s options (table_name '%')",
  "import foreign schema x from server s into y options (a '%')",
  "create database d template '%'",
  "create tablespace x location '/%'",
  "create extension x version '%'",
  "create event trigger e on ddl_command_end when tag in ('%') execute function f()",
  "create aggregate a (text) (sfunc = f, stype = text, initcond = '%')",
  "create text search dictionary d (template = simple, stopwords = '%')",
  "create collation c (provider = icu, locale = '%')",
  "load '%'",
  "notify c, '%'",
  "prepare transaction '%'",
  "commit prepared '%'",
  "execute p('%')",
  "begin isolation level serializable; set x = '%'; commit",
  "vacuum (parallel 1) t /* % */",
  "-- %\nanalyze t",
  "refresh materialized view m -- %",
  "grant select on t to bob; alter role bob password '%'",
  "select 1; alter role bob password '%'",
];

test.each(UTILITY)("defect 12: nothing of %s", (template) => {
  const hidden = "zqcanary0815";
  const normalised = normaliseStatement(template.replaceAll("%", hidden), { track_size: null });
  expect(JSON.stringify(normalised)).not.toContain(hidden);
  expect(normalised.text_state).toBe("skeleton");
  expect(normalised.query).not.toBe("");
});

test("no fingerprint or hash of a utility statement can be tried for its secret", () => {
  for (const template of UTILITY.filter((text) => text.includes("'%'"))) {
    const [one, other] = ["zqone", "zqother"].map((it) =>
      normaliseStatement(template.replaceAll("%", it), { track_size: null }),
    );
    expect(one, template).toEqual(other);
  }
});
