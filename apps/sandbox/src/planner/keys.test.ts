import { expect, test } from "vitest";
import { baseKey, stateKey, tailHash } from "./keys.ts";

const env = Buffer.alloc(32, 1);
const a = { path: "init/a.sql", digest: "aa".repeat(32) };
const b = { path: "init/b.sql", digest: "bb".repeat(32) };

test("keys stay what they are: a change of these is a change of every state that anybody has kept", () => {
  expect(baseKey(env).toString("hex")).toBe(
    "043f1fce730a5412dfeaccc612eafa5d1c4cf4ef0b4c04bd04b55bff4228f203",
  );
  expect(stateKey(baseKey(env), Buffer.from("create table t ()")).toString("hex")).toBe(
    "6a8acadc721c0d1fefaa9c6f2ee7f1ce23a7a0404cd235168797b3cb9514cea6",
  );
  expect(tailHash(env, { region: "ON" }, [a, b]).toString("hex")).toBe(
    "2f03aa7c00b0d81ceeae1cdf957b841bae21adc3bd5c4e57b5bd1b634b67df86",
  );
});

test("where one field ends and the next begins is part of a key", () => {
  const key = (left: string, right: string) =>
    tailHash(env, { [left]: right }, [a]).toString("hex");
  expect(key("ab", "c")).not.toBe(key("a", "bc"));
  expect(stateKey(Buffer.from("ab"), Buffer.from("c"))).not.toEqual(
    stateKey(Buffer.from("a"), Buffer.from("bc")),
  );
});

test("the tail's hash knows paths, their order and variables, in whatever order these are given", () => {
  const all = [
    tailHash(env, {}, [a, b]),
    tailHash(env, {}, [b, a]),
    tailHash(env, {}, [{ ...a, path: "init/c.sql" }, b]),
    tailHash(env, { v: "" }, [a, b]),
    tailHash(Buffer.alloc(32, 2), {}, [a, b]),
  ].map((hash) => hash.toString("hex"));
  expect(new Set(all).size).toBe(all.length);
  expect(tailHash(env, { x: "1", y: "2" }, [a])).toEqual(tailHash(env, { y: "2", x: "1" }, [a]));
});
