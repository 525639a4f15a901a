import { expect, test } from "vitest";
import { parsePostgresUrl } from "./postgres-url.ts";

test("an address fills every field", () => {
  expect(
    parsePostgresUrl(
      " postgresql://ana:p%40ss:w@db.example.org:6432/sales?sslmode=verify-full&x=1\n",
    ),
  ).toEqual({
    host: "db.example.org",
    port: 6432,
    database: "sales",
    user: "ana",
    password: "p@ss:w",
    sslmode: "verify-full",
  });
});

test("what is left out has libpq's meaning, and odd ones are read as well", () => {
  expect(parsePostgresUrl("postgres://ana@/")).toMatchObject({
    host: "localhost",
    port: 5432,
    database: "ana",
    password: null,
  });
  expect(parsePostgresUrl("postgres://u:100%@[::1]/d")).toMatchObject({
    host: "::1",
    password: "100%",
    database: "d",
  });
  expect(parsePostgresUrl("postgres://u@/d?host=/run/postgresql")).toMatchObject({
    host: "/run/postgresql",
  });
  expect(parsePostgresUrl("jdbc:postgresql://h/d?user=u&password=p&sslmode=allow")).toMatchObject({
    user: "u",
    password: "p",
    sslmode: null,
  });
});

test("a host name is not an address", () => {
  expect(parsePostgresUrl("db.example.org")).toBeNull();
  expect(parsePostgresUrl("mysql://a@b/c")).toBeNull();
});
