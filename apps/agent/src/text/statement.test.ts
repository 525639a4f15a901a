import { beforeAll, expect, test } from "vitest";
import { loadParser } from "./parser.ts";
import { normaliseStatement } from "./statement.ts";

beforeAll(loadParser);

const read = (text: string) => normaliseStatement(text, { track_size: null });

test.each([
  ["select'x'from t", "select $1 from t"],
  [
    "select $1, a from t where b in ($2, $3 /*, ... */) -- c",
    "select $1, a from t where b in ($2, $3 /*, ... */)",
  ],
  ["select $7 + 1", "select $7 + $8"],
  ["select 'a'\n 'canary' -- canary", "select $1"],
  ["select U&'d!0061' uescape '!' from t", "select $1 from t"],
  ["select 1::numeric(10,2), 'é'::varchar(20)", "select $1::numeric(10,2), $2::varchar(20)"],
  ["select - -5, a->>'x', b #> '{a}'", "select - -$1, a->>$2, b #> $3"],
  ["with w as (select 1 from q) select * from w", "with w as (select $1 from q) select * from w"],
  [
    "select * from json_table('{}', '$.k' columns (a int path '$.k' default 5 on empty))",
    "select * from json_table($1, $2 columns (a int path $3 default $4 on empty))",
  ],
  ["create table x as select 'canary'", "create table x as select $1"],
  ["explain (analyze) select 'canary'", "explain (analyze) select $1"],
  ["alter role bob password 'canary'", "alter role bob password <redacted>"],
  ["set x = 'canary'", "set x = <redacted>"],
  ["copy s.t from program 'canary'", "copy s.t from program <redacted>"],
  ["do $$ canary $$", "do <redacted>"],
  [
    "create user mapping for bob server s options (password 'canary')",
    "create user mapping for bob server s options <redacted>",
  ],
  [
    "create subscription s connection 'password=canary' publication p",
    "create subscription s connection <redacted>",
  ],
  ["comment on column s.t.c is 'canary'", "comment on column s.t.c is <redacted>"],
  ["create type e as enum ('canary')", "create type e"],
  ["begin; set x = 'canary'", "begin; set x = <redacted>"],
  [
    "create index concurrently i on s.t (lower('canary'), y)",
    "create index concurrently i on s.t (<expression>, y)",
  ],
])("%s", (text, expected) => {
  expect(read(text).query).toBe(expected);
});

test("a statement says its kind, its first words, its tables and whether it shows a secret", () => {
  expect(read('insert into s.t select * from q join "we.ird"."Ta.b" on true')).toMatchObject({
    kind: "insert",
    command: "insert",
    tables: ["s.t", "q", "we.ird.Ta.b"],
    text_state: "normalised",
    secret_visible: false,
  });
  expect(read("alter role bob password 'canary'")).toMatchObject({
    kind: "utility",
    command: "alter role",
    text_state: "skeleton",
    secret_visible: true,
  });
  const harmless = [
    "comment on table t is 'password reset'",
    "comment on column t.secret is 'as sent'",
    "create table t (secret text default 'none')",
    "create function password_of(a text) returns text language sql as 'select 1'",
    "alter role bob password 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy'",
    "alter role bob password null",
  ];
  for (const text of harmless) expect(read(text).secret_visible, text).toBe(false);
  const visible = [
    "/* by hand */ create user bob password 'md5aabbcc'",
    "create user mapping for bob server s options (user 'a', password 'b')",
    "alter system set primary_conninfo to 'host=a'",
    "set app.api_key = 'abc'",
  ];
  for (const text of visible) expect(read(text).secret_visible, text).toBe(true);
  expect(
    read("create subscription s connection 'host=a password=b' publication p").secret_visible,
  ).toBe(true);
});

test("fingerprints are the same for other literals, and never those of a literal", () => {
  const pairs = [
    ["select a from t where b = 1", "select a from t where b = 'x'"],
    ["select a from t where b in (1, 2)", "select a from t where b in ($1, $2 /*, ... */)"],
    ["alter role bob password 'one'", "alter role bob password 'other'"],
    ["copy t to program 'one'", "copy t to program 'other'"],
    ["select x::int[3]", "select x::int[4]"],
  ] as const;
  for (const [one, other] of pairs) {
    expect(read(one).fingerprint, one).toBe(read(other).fingerprint);
    expect(read(one).fingerprint).toMatch(/^[0-9a-f]{16}$/);
  }
  expect(read("select a from t").fingerprint).not.toBe(read("select b from t").fingerprint);
});

test("of a comment only Quern's run is read", () => {
  const id = "019aa6a0-0000-7000-8000-000000000000";
  expect(read(`select 1 /*application='quern',run_id='${id}'*/`)).toMatchObject({
    run_id: id,
    query: "select $1",
  });
  expect(read("select 1 /*run_id='canary'*/").run_id).toBeNull();
  expect(read(`select 1, '/*run_id=''${id}''*/'`).run_id).toBeNull();
});

test("a cut text, one that does not parse and one that may not be seen are placeholders", () => {
  const cut = "select 'canary', 'canaryy";
  const size = Buffer.byteLength(cut) + 1;
  expect(normaliseStatement(cut, { track_size: size })).toMatchObject({
    text_state: "truncated",
    fingerprint: null,
    kind: "select",
    query: expect.stringMatching(/^<truncated select statement [0-9a-f]{32}>$/),
  });
  // Whole only because it ends where another would go on.
  const parses = "select a from t where b = 1";
  expect(normaliseStatement(parses, { track_size: parses.length + 1 }).text_state).toBe(
    "truncated",
  );
  expect(normaliseStatement(parses, { track_size: 1024 }).text_state).toBe("normalised");
  expect(read("alter role bob password 'cana").secret_visible).toBe(true);
  expect(read("<insufficient privilege>")).toMatchObject({ text_state: "hidden", kind: "unknown" });
  expect(read("select \ud83d from \u0000 'canary")).toMatchObject({ text_state: "unparsable" });
});

test("a text nested too deeply is not parsed, and those after it are", async () => {
  const deep = `select ${"(select ".repeat(2_000)}'canary'${")".repeat(2_000)}`;
  for (let round = 0; round < 3; round += 1) {
    expect(JSON.stringify(read(`${deep} as a${round}`))).not.toContain("canary");
    await loadParser();
  }
  expect(read("select after_it from t").fingerprint).not.toBeNull();
});

test("a large query keeps its text, a larger one a placeholder, a large routine nothing", () => {
  const list = (length: number) =>
    `select a from t where b in (${Array(length).fill("'canary'").join(", ")})`;
  expect(read(list(2_000))).toMatchObject({ text_state: "normalised", kind: "select" });
  expect(read(list(2_000)).query).not.toContain("canary");
  expect(read(list(20_000))).toMatchObject({ text_state: "truncated" });
  expect(read(`do $$ begin ${"perform 'canary';".repeat(1_000)} end $$`).query).toMatch(
    /^<truncated do statement/,
  );
});
