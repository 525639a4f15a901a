import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Overrides, readConfig } from "./read-config.ts";

const folder = mkdtempSync(join(tmpdir(), "quern-config-"));
let files = 0;

const OVERRIDES: Overrides = {
  file: null,
  verbose: false,
  json_logs: false,
  uploads: true,
  collects: true,
};
const MINIMAL = {
  DATABASE_URL:
    "postgres://bob:pa%24s@db.example:5433/shop?sslmode=verify-full&sslrootcert=/ca.pem",
  DATAPACE_API_KEY: "key",
  DATAPACE_SIGNING_SECRET: "hush",
  DATAPACE_ENDPOINT: "https://quern.example/api/v1/ingest",
  HOME: "/home/bob",
};

function fromFile(yaml: string, environment: NodeJS.ProcessEnv = {}, overrides = {}) {
  files += 1;
  const file = join(folder, `${files}.yaml`);
  writeFileSync(file, yaml);
  return readConfig({ ...OVERRIDES, uploads: false, file, ...overrides }, environment);
}

const DATABASE = "database: { url: postgres://h/d }\n";

test("the names of the original agent's environment make an agent", () => {
  const config = readConfig(OVERRIDES, {
    ...MINIMAL,
    COLLECTION_INTERVAL: "5m",
    LOG_LEVEL: "warn",
    LOG_FORMAT: "json",
    DATAPACE_HEALTH_BIND_ADDRESS: "0.0.0.0",
    DATAPACE_HEALTH_PORT: "9090",
  });
  expect(config).toMatchObject({
    name: null,
    upload: {
      api_key: "key",
      signing_secret: "hush",
      endpoint: "https://quern.example/api/v1/ingest",
      timeout_ms: 30_000,
      retries: 3,
      gzip: true,
    },
    database: {
      url: "postgres://bob:pa%24s@db.example:5433/shop",
      type: "postgres",
      tls: { sslmode: "verify-full", sslrootcert: "/ca.pem", sslcert: null },
    },
    logging: { level: "warn", format: "json" },
    health: { enabled: true, bind_address: "0.0.0.0", port: 9090, path: "/health" },
  });
  expect(config.collection.interval_ms).toBe(300_000);
  expect(config.spool.dir).toMatch(/^\/home\/bob\/\.local\/state\/quern-agent\/[0-9a-f]{16}$/);
});

test("the same names may begin with QUERN_, and secrets may come by a file", () => {
  const file = join(folder, "key");
  writeFileSync(file, "from the file\n");
  const { DATAPACE_API_KEY: _, DATAPACE_SIGNING_SECRET: secret, ...rest } = MINIMAL;
  const environment = { ...rest, QUERN_API_KEY_FILE: file, QUERN_SIGNING_SECRET: secret };
  expect(readConfig(OVERRIDES, environment).upload).toMatchObject({
    api_key: "from the file",
    signing_secret: "hush",
  });
  expect(() => readConfig(OVERRIDES, { ...environment, DATAPACE_API_KEY: "another" })).toThrow(
    "DATAPACE_API_KEY and QUERN_API_KEY are the same setting and differ",
  );
});

test("what is missing is said in the names that were to be set, all at once", () => {
  expect(() => readConfig(OVERRIDES, {})).toThrow(
    /DATABASE_URL\n {2}DATAPACE_API_KEY\n {2}DATAPACE_SIGNING_SECRET\n {2}DATAPACE_ENDPOINT$/,
  );
  expect(() => fromFile("name: x", {}, { uploads: true })).toThrow(
    /database\.url\n {2}datapace\.api_key/,
  );
  expect(
    readConfig({ ...OVERRIDES, uploads: false }, { DATABASE_URL: "postgres://h/d" }).upload,
  ).toBeNull();
});

test("defect 1: every key of the file is used", () => {
  const config = fromFile(`
name: primary
datapace: { api_key: k, signing_secret: s, endpoint: "https://q/v1/ingest", timeout: 7, retries: 9, compression: none, ca_file: /ca.pem, proxy: "http://p:1" }
database:
  url: postgres://h/d
  db_type: postgres
  provider: rds
  pool: { min_connections: 0, max_connections: 4, acquire_timeout: 12 }
  sslmode: require
collection:
  interval_secs: 20
  metrics: [pg_stat_statements, table_stats, pg_settings, schema_metadata, activity, plans]
  intervals: { activity: 5s, tables: 10m }
  databases: { include: [shop_*], exclude: "a, b" }
  max_statements: 50
  max_tables: 60
  connection_budget: 8
  plans: { min_mean_ms: 20, max_per_collection: 3 }
  custom_metrics: [{ name: orders, sql: select 1, database: shop, interval: 2m, type: counter }]
  comments: true
  idle_backoff: true
  statement_timeout: 3s
spool: { dir: /spool, max_bytes: 10MB, max_age: 1d }
logging: { level: debug, format: json }
health: { enabled: false, bind_address: "::1", port: 1, path: /live }
`);
  expect(config).toMatchObject({
    name: "primary",
    upload: {
      timeout_ms: 7_000,
      retries: 9,
      gzip: false,
      ca_file: "/ca.pem",
      proxy: "http://p:1/",
    },
    database: {
      provider: "rds",
      min_connections: 0,
      connect_timeout_ms: 12_000,
      tls: { sslmode: "require" },
    },
    spool: { dir: "/spool", max_bytes: 10_000_000, max_age_ms: 86_400_000 },
    logging: { level: "debug", format: "json" },
    health: { enabled: false, bind_address: "::1", port: 1, path: "/live" },
  });
  const { metrics, paces, ...collection } = config.collection;
  expect([...metrics].sort()).toEqual([
    "activity",
    "plans",
    "schema",
    "settings",
    "statements",
    "tables",
  ]);
  expect(paces).toMatchObject({ activity: 5_000, tables: 600_000, indexes: 300_000 });
  expect(collection).toEqual({
    interval_ms: 20_000,
    databases: { include: ["shop_*"], exclude: ["a", "b"] },
    max_statements: 50,
    max_tables: 60,
    // The smaller of the budget and the original's name for it.
    connection_budget: 4,
    plans: { enabled: true, min_mean_ms: 20, max_per_collection: 3 },
    custom_metrics: [
      { name: "orders", sql: "select 1", database: "shop", interval_ms: 120_000, type: "counter" },
    ],
    comments: true,
    idle_backoff: true,
    statement_timeout_ms: 3_000,
  });
});

test("defect 2: a key that there is not is an error that names the right one", () => {
  expect(() => fromFile(`${DATABASE}collection: { interval: 60s }`)).toThrow(
    "collection.interval: there is no such key; did you mean collection.interval_secs?",
  );
  expect(() => fromFile(`${DATABASE}colection: {}`)).toThrow("did you mean collection?");
  expect(() => fromFile("database: { url: postgres://h/d, pol: {} }")).toThrow(
    "did you mean database.pool?",
  );
  expect(() => fromFile(`${DATABASE}quern: { secret: x }`)).toThrow(
    "did you mean datapace.signing_secret?",
  );
  expect(() => fromFile(`${DATABASE}health: { zzzzzz: 1 }`)).toThrow(
    "known here: enabled, bind_address, port, path",
  );
  expect(() => fromFile(`${DATABASE}collection: { metrics: [querystats] }`)).toThrow(
    "is none of statements",
  );
});

test("with a file the environment counts only where the file names it", () => {
  const environment = {
    DATABASE_URL: "postgres://other/d",
    LOG_LEVEL: "error",
    PASSWORD: "p: {a}",
  };
  const config = fromFile(
    `database: { url: 'postgres://bob:\${PASSWORD}@h/d' }\nhealth: { port: '\${P}' }`,
    { ...environment, P: "81" },
  );
  expect(config.database.url).toBe("postgres://bob:p%3A%20%7Ba%7D@h/d");
  expect(config.health.port).toBe(81);
  expect(config.logging.level).toBe("info");
  expect(() => fromFile(`database: { url: '\${NOT_THERE}' }\nname: \${NOR_THIS}`)).toThrow(
    `uses \${NOT_THERE}, \${NOR_THIS}, which the environment does not have`,
  );
});

test.each([
  ["collection: { interval_secs: 9 }", "must be from 10s to 1d, and is 9s"],
  ["collection: { interval_secs: soon }", "must be a time like 30s, 5m or 1h"],
  [
    "collection: { custom_metrics: [{ name: A, sql: select 1 }] }",
    "collection.custom_metrics.0.name",
  ],
  [
    "collection: { custom_metrics: [{ name: a, sql: select 1, interval: 5s }] }",
    "must be from 1m to 1d",
  ],
  ["database: { url: postgres://h/d, sslmode: sometimes }", "must be disable, allow, prefer"],
  ["database: { url: postgres://h/d, provider: cloudy }", "must be auto, generic, rds"],
  ["database: { url: 'mongodb://h/d' }", "begins with mongodb://"],
  [
    "database: { url: postgres://h/d, db_type: mysql }",
    "is mysql, but the URL begins with postgres://",
  ],
  ["database: { url: 'not a url' }", "must be a URL"],
  ["name: [1", "is not YAML"],
  [
    "datapace: { endpoint: 'http://quern.example/ingest' }",
    "would send statistics and key in clear text",
  ],
  ["datapace: { endpoint: 'ftp://quern.example/ingest' }", "must begin with https://"],
  ["datapace: { endpoint: 'https://a:b@quern.example/ingest' }", "must not hold a password"],
  ["datapace: {}\nquern: {}", "keep one"],
])("%s is refused with words", (yaml, words) => {
  const text = yaml.includes("database:")
    ? yaml
    : `${yaml}\n${yaml.startsWith("name: [") ? "" : DATABASE}`;
  expect(() => fromFile(text)).toThrow(words);
});

test("http is for this machine alone", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"]) {
    const environment = { ...MINIMAL, DATAPACE_ENDPOINT: `http://${host}:3000/api/v1/ingest` };
    expect(readConfig(OVERRIDES, environment).upload?.endpoint).toContain(host);
  }
  for (const host of ["10.0.0.1", "localhost.example", "[::2]", "0.0.0.0"]) {
    const environment = { ...MINIMAL, DATAPACE_ENDPOINT: `http://${host}/api/v1/ingest` };
    expect(() => readConfig(OVERRIDES, environment), host).toThrow("DATAPACE_ENDPOINT");
  }
});

test("no error quotes a secret", () => {
  const secrets = /pa\$s|pa%24s|hush/;
  for (const wrong of [
    { DATABASE_URL: "postgres://bob:hush@h:99999999/d" },
    { DATABASE_URL: "mongodb://bob:hush@h/d" },
    { DATAPACE_ENDPOINT: "http://a:hush@far/ingest" },
    { COLLECTION_INTERVAL: "hush" },
  ]) {
    try {
      readConfig(OVERRIDES, { ...MINIMAL, ...wrong });
      expect.fail(`${Object.keys(wrong)} was taken`);
    } catch (error) {
      expect((error as Error).message).not.toMatch(secrets);
    }
  }
  expect(() => fromFile("database: { url: 'postgres://bob:hush@h/d' \nname: [hush")).toThrow(
    /^(?!.*hush)/s,
  );
});

test("a proxy by the usual names, but not for hosts that are exempt", () => {
  const proxied = (more: NodeJS.ProcessEnv) =>
    readConfig(OVERRIDES, { ...MINIMAL, ...more }).upload?.proxy;
  expect(proxied({})).toBeNull();
  expect(proxied({ https_proxy: "http://proxy:3128" })).toBe("http://proxy:3128/");
  const HTTPS_PROXY = "http://a:b@proxy:3128";
  expect(proxied({ HTTPS_PROXY })).toBe("http://a:b@proxy:3128/");
  expect(proxied({ HTTPS_PROXY, NO_PROXY: "localhost,other.example" })).toBe(
    "http://a:b@proxy:3128/",
  );
  for (const NO_PROXY of ["*", "quern.example", "a, .example", "*.example"]) {
    expect(proxied({ HTTPS_PROXY, NO_PROXY }), NO_PROXY).toBeNull();
  }
  expect(() => proxied({ HTTPS_PROXY: "socks5://proxy" })).toThrow(
    "HTTPS_PROXY: must be a URL like http://",
  );
});
