import { isStorableText } from "@quern/contract/text";
import fc from "fast-check";
import { expect, test } from "vitest";
import { normaliseMysqlExpression, typeOf } from "./expression.ts";
import { normaliseMysqlStatement } from "./statement.ts";
import { tokensOf } from "./tokens.ts";

const queryOf = (text: string) => normaliseMysqlStatement(text).query;

test("queries lose their literals and comments, and keep their names", () => {
  expect(queryOf("select * from `a b`.t where x = 'it''s' and y in (1, 2.5e3) -- secret\n")).toBe(
    "select * from `a b`.t where x = ? and y in (?, ?)",
  );
  expect(queryOf("SELECT `id` FROM `t` WHERE `a` = ? AND `b` IN (...) /* , ... */ ;")).toBe(
    "SELECT `id` FROM `t` WHERE `a` = ? AND `b` IN (...)",
  );
  expect(
    queryOf(`insert into t values (0x1F, x'AB', b'01', N"x", _utf8'é', -5, @v, @@global.a)`),
  ).toBe("insert into t values (?, x ?, b ?, N ?, _utf8 ?, -?, @v, @@global.a)");
  expect(queryOf("select`a`from`t`where b=5--6")).toBe("select `a` from `t` where b=?--?");
  expect(queryOf("select a # secret\nfrom t")).toBe("select a from t");
  expect(queryOf("select t.1st, 1st from t")).toBe("select t.1st, ? from t");
});

test("what a statement is, and which tables it names", () => {
  const brief = (text: string) => {
    const { kind, command, tables, text_state } = normaliseMysqlStatement(text);
    return [kind, command, tables.join(" "), text_state];
  };
  expect(
    brief("(select 1 from a, `b c` as x left join s.d on true where y in (select z from e))"),
  ).toEqual(["select", "select", "a b c s.d e", "normalised"]);
  expect(
    brief("with w (n) as (select 1 from real1), v as (select 2) update t join w set a = 1"),
  ).toEqual([...["update", "update", "real1 t", "normalised"]]);
  expect(
    brief("replace into t (a) select extract(year from b) from u on duplicate key update a = 1"),
  ).toEqual([...["insert", "insert", "t u", "normalised"]]);
  expect(brief("select * from (a join b) for update")[2]).toBe("a b");
  expect(brief("select * from json_table(x, 'y') as j, t")[2]).toBe("t");
  expect(brief("alter table `s`.`t` add column c text default 'x'")).toEqual([
    ...["utility", "alter table", "", "skeleton"],
  ]);
  expect(brief("gibberish 'x'")).toEqual(["unknown", "unknown", "", "unparsable"]);
  expect(queryOf("alter table `s`.`t` add column c text default 'x'")).toBe(
    "alter table `s`.`t` <redacted>",
  );
  expect(queryOf("commit")).toBe("commit");
  expect(queryOf("use shop; select 1; set password = 'x'")).toBe(
    "use <redacted>; select ?; set password <redacted>",
  );
  expect(queryOf("create procedure p() begin select 'x'; end")).toBe(
    "create procedure p <redacted>",
  );
});

test("a digest's text and the statement it was made of have one fingerprint", () => {
  const of = (text: string) => normaliseMysqlStatement(text).fingerprint;
  expect(of("select a from t where b in (1, 2,3) and c='x'")).toBe(
    of("SELECT `a` FROM `t` WHERE `b` IN (...) AND `c` = ?"),
  );
  expect(of("select a from t")).not.toBe(of("select b from t"));
});

test("what the server may read in another way is said by a placeholder", () => {
  // Whether a backslash escapes, and whether a comment is run, depends on settings that are not seen here.
  for (const text of [
    "select 'a\\', 'zqsecret', 'b'",
    "select 'it\\'s zqsecret' from t",
    `select "a\\", "zqsecret"`,
    "select /*! '*/', 1 */ from t where a = 'zqsecret'",
    "select /*!99999 ' */ 'zqsecret' from t",
    "select $$ zqsecret $$",
    "select /*+ SET_VAR(a='*/') */ 'zqsecret'",
  ]) {
    const { query, text_state } = normaliseMysqlStatement(text);
    expect([text, text_state]).toEqual([text, "unparsable"]);
    expect(query).not.toContain("zqsecret");
  }
  expect(queryOf("select 'a\\n', 'b' from t")).toBe("select ?, ? from t");
  expect(queryOf("select /*!40001 SQL_NO_CACHE */ * from t")).toBe("select * from t");
});

const secret = fc.stringMatching(/^zq[a-z0-9]{6,12}q$/);
const literal = fc.oneof(
  ...[
    "'%'",
    "'O''%'",
    '"%"',
    '"a""%"',
    "N'%'",
    "_utf8mb4'%'",
    "'\\n%'",
    "'a' '%'",
    "date '%'",
    "/* % */ 1",
    "1 -- %\n",
    "1 # %\n",
    "json_array('%', \"%\")",
    "'/*', '%', '*/'",
    "'`', '%', '`'",
    "'--', '%'",
    "x'%'",
  ].map((sql) => secret.map((it) => ({ it, sql: sql.replaceAll("%", it) }))),
  fc.stringMatching(/^[1-9][0-9]{8,17}$/).map((it) => ({ it, sql: it })),
  fc.stringMatching(/^[1-9][0-9]{8,17}$/).map((it) => ({ it, sql: `-${it}.5e3` })),
);
const TEMPLATES = [
  "select * from t where a = %",
  "select*from t where a=%and b=1",
  "insert into t (a) values (%), (%) on duplicate key update a = %",
  "update `t` set a = %, b = f(%) where c like % limit %",
  "delete t from t join u using (id) where t.a in (%, %)",
  "with w as (select %) select case when a = % then % end from w",
  "select 1; select %",
  "call p(%)",
  "set @x = %",
  "set password for bob = %",
  "create user bob identified by %",
  "alter user bob identified with p as %",
  "grant select on t to bob identified by %",
  "change master to master_password = %",
  "create table t (a text default %, check (a <> %)) comment %",
  "alter table t add partition (partition p values in (%))",
  "load data infile % into table t",
  "prepare s from %",
  "create procedure p() begin select %; set @a = %; end",
  "create event e on schedule every 1 day do select %",
  "signal sqlstate % set message_text = %",
  "explain select %",
  "xa start %",
  "do sleep(%)",
];
const filled = fc
  .tuple(fc.constantFrom(...TEMPLATES), literal, literal)
  .map(([template, one, other]) => {
    let turn = 0;
    const sql = template.replaceAll("%", () => {
      turn += 1;
      return turn % 2 === 1 ? one.sql : other.sql;
    });
    return { sql, hidden: turn > 1 ? [one.it, other.it] : [one.it] };
  });

test("no literal is sent, however it is written and wherever it stands", () => {
  let read = 0;
  fc.assert(
    fc.property(filled, ({ sql, hidden }) => {
      const normalised = normaliseMysqlStatement(sql);
      if (normalised.text_state !== "unparsable") read += 1;
      for (const it of hidden) expect(JSON.stringify(normalised), sql).not.toContain(it);
    }),
    { numRuns: 3_000 },
  );
  expect(read).toBeGreaterThan(2_000);
});

test("nor of a text that is cut anywhere", () => {
  fc.assert(
    fc.property(filled, fc.double({ min: 0, max: 1, noNaN: true }), ({ sql, hidden }, share) => {
      const cut = sql.slice(0, Math.floor(sql.length * share));
      for (const it of hidden)
        expect(JSON.stringify(normaliseMysqlStatement(cut)), cut).not.toContain(it);
    }),
    { numRuns: 2_000 },
  );
});

test("no text makes it fail, every character is in a token, and what it makes can be stored", () => {
  const pieces = fc.array(
    fc.constantFrom(
      "'",
      '"',
      "`",
      "\\",
      "/*",
      "*/",
      "!",
      "--",
      "#",
      "\n",
      " ",
      "$",
      "a",
      "1",
      ".",
      ";",
      "(",
      "é",
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        pieces.map((all) => all.join("")),
        fc.string({ unit: "binary" }),
      ),
      (text) => {
        const tokens = tokensOf(text);
        if (tokens !== null) expect(tokens.map((token) => token.text).join("")).toBe(text);
        expect(isStorableText(normaliseMysqlStatement(text).query)).toBe(true);
        expect(isStorableText(normaliseMysqlExpression(text).text)).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("types lose their labels", () => {
  expect(typeOf("enum('a','it''s','x,y')")).toBe("enum(3 labels)");
  expect(typeOf("SET('a')")).toBe("set(1 labels)");
  expect(typeOf("decimal(10,2) unsigned")).toBe("decimal(10,2) unsigned");
});
