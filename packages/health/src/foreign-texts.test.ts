import fc from "fast-check";
import { expect, test } from "vitest";
import { withoutForeignSecrets } from "./foreign-texts.ts";

const kept = (query: string, more = {}) => {
  const numbers = { calls: 1, total_time_ms: 1, rows: 1, shared_blks_hit: 0, shared_blks_read: 0 };
  return withoutForeignSecrets({ query_hash: "q", query, ...numbers, ...more });
};

test.each([
  ["ALTER ROLE app PASSWORD 'canary'", "ALTER ROLE …"],
  ["create user mapping for app server s options (password 'canary')", "create user …"],
  ["/* canary */ DO $$ begin perform 'canary'; end $$", "DO …"],
  ["SET x = 'canary'", "SET x …"],
  ["COPY t FROM PROGRAM 'canary'", "COPY t …"],
  ["'canary'", "…"],
  ["SELECT /* canary */ a -- canary\nFROM t WHERE b = $1", "SELECT   a  \nFROM t WHERE b = $1"],
  ['select "a--b /* c" from t', 'select "a--b /* c" from t'],
  ["select 'canary', $x$canary$x$", "select ?, ?"],
])("of %s the text %s is kept", (sent, expected) => {
  expect(kept(sent).query).toBe(expected);
});

test("a secret that can be seen is said, and our own agent's texts stay as they are", () => {
  expect(kept("alter role app password 'x'").secret_visible).toBe(true);
  expect(kept("vacuum t").secret_visible).toBe(false);
  const own = { text_state: "skeleton", query: "alter role <role> password <redacted>" } as const;
  expect(kept(own.query, own)).toMatchObject(own);
});

test("no literal of a utility statement is kept, wherever it stands", () => {
  const canary = "canary7c1f";
  const texts = fc.array(fc.constantFrom("'", '"', "$$", "--", "/*", "*/", " ", "role", "\n"));
  fc.assert(
    fc.property(texts, (parts) => {
      expect(kept(`alter ${parts.join(" ")} '${canary}'`).query).not.toContain(canary);
    }),
  );
});
