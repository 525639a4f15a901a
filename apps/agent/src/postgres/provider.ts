/** Where a database runs, told from what it shows. A pure function, so that every rule is tested without the service. */
import type { Provider } from "../config/agent-config.ts";
import type { Facts } from "./facts.ts";
import type { Session } from "./session.ts";

export type ProviderSigns = {
  host: string;
  database: string;
  settings: ReadonlySet<string>;
  /** The value of `rds.extensions`; null where there is no such setting. */
  rds_extensions: string | null;
  extensions: ReadonlySet<string>;
  roles: ReadonlySet<string>;
  databases: ReadonlySet<string>;
  schemas: ReadonlySet<string>;
  functions: ReadonlySet<string>;
};

export type DetectedProvider = {
  provider: Provider;
  /** What gave it away: `host`, `setting`, `extension`, `role`, `database`, `schema`, `function`. */
  evidence: Record<string, string>;
  /** The host is a pooler's. */
  pooler: boolean;
};

type Rule = [provider: Provider, ...signs: ((signs: ProviderSigns) => Evidence | null)[]];
type Evidence = [sign: string, value: string];

/** The first rule with a sign wins: what is built on another service stands before it. */
const RULES: Rule[] = [
  [
    "aurora",
    ({ rds_extensions }) =>
      rds_extensions?.includes("aurora_stat_utils") ? ["setting", "rds.extensions"] : null,
    named("functions", "function", /^aurora_version$/),
    host(/\.cluster-(ro-|custom-)?[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?$/),
  ],
  [
    "heroku",
    named("schemas", "schema", /^heroku_ext$/),
    (signs) =>
      /\.compute(-1)?\.amazonaws\.com$/.test(signs.host) && /^d[0-9a-z]{13,}$/.test(signs.database)
        ? ["host", "compute.amazonaws.com"]
        : null,
  ],
  [
    "supabase",
    host(/\.supabase\.(co|com|net)$/),
    named("extensions", "extension", /^supabase_vault$/),
    named("roles", "role", /^supabase_admin$/),
  ],
  [
    "neon",
    host(/\.neon\.tech$/),
    named("settings", "setting", /^neon\./),
    named("extensions", "extension", /^neon$/),
  ],
  [
    "rds",
    named("settings", "setting", /^rds\./),
    named("roles", "role", /^rds_superuser$/),
    named("databases", "database", /^rdsadmin$/),
    host(/\.rds\.amazonaws\.com(\.cn)?$/),
  ],
  [
    "azure",
    host(/\.postgres(\.cosmos)?\.database\.(azure\.com|usgovcloudapi\.net|chinacloudapi\.cn)$/),
    named("settings", "setting", /^azure\./),
    named("roles", "role", /^azure_pg_admin$/),
    named("databases", "database", /^azure_(maintenance|sys)$/),
  ],
  [
    "alloydb",
    named("settings", "setting", /^alloydb\./),
    named("databases", "database", /^alloydbadmin$/),
  ],
  [
    "cloudsql",
    named("settings", "setting", /^cloudsql\./),
    named("roles", "role", /^cloudsqlsuperuser$/),
    named("databases", "database", /^cloudsqladmin$/),
  ],
  [
    "crunchy",
    host(/\.db\.postgresbridge\.com$/),
    named("extensions", "extension", /^crunchy_/),
    named("roles", "role", /^crunchy_/),
  ],
  ["timescale", host(/\.tsdb\.cloud\.timescale\.com$/)],
  [
    "aiven",
    host(/\.aivencloud\.com$/),
    named("extensions", "extension", /^aiven_extras$/),
    named("roles", "role", /^avnadmin$/),
  ],
  ["digitalocean", host(/\.db\.ondigitalocean\.com$/), named("roles", "role", /^doadmin$/)],
  ["tembo", host(/\.tembo\.io$/)],
  ["planetscale", host(/\.(psdb|pscale)\.(cloud|dev|pg)$|\.pg\.psdb\.cloud$/)],
];

/** `generic` with no evidence where nothing gives a service away. */
export function detectProvider(signs: ProviderSigns): DetectedProvider {
  const lower = { ...signs, host: signs.host.toLowerCase().replace(/\.$/, "") };
  const pooler = /-pooler\.|\.pooler\.supabase\.com$/.test(lower.host);
  for (const [provider, ...rules] of RULES) {
    const evidence = rules.flatMap((sign) => {
      const found = sign(lower);
      return found === null ? [] : [found];
    });
    if (evidence.length > 0) return { provider, evidence: Object.fromEntries(evidence), pooler };
  }
  return { provider: "generic", evidence: {}, pooler };
}

/** Evidence names the pattern's own words, never the whole host: it may name a customer. */
function host(pattern: RegExp): Rule[1] {
  return (signs) => {
    const found = pattern.exec(signs.host)?.[0];
    return found === undefined ? null : ["host", found.replace(/^\.(cluster-)[^.]+/, ".$1…")];
  };
}

function named(
  set: "settings" | "extensions" | "roles" | "databases" | "schemas" | "functions",
  sign: string,
  pattern: RegExp,
): Rule[1] {
  return (signs) => {
    const found = [...signs[set]].find((name) => pattern.test(name));
    return found === undefined ? null : [sign, found];
  };
}

/** What the rules look at. Names only, none of them a user's. */
export async function readSigns(session: Session, facts: Facts): Promise<ProviderSigns> {
  const rows = await session.query(
    `select 'settings' as kind, s.name from pg_settings as s where s.name ~ '^(rds|neon|azure|alloydb|cloudsql)\\.'
     union all select 'roles', r.rolname from pg_roles as r
       where r.rolname ~ '^(rds_superuser|supabase_admin|azure_pg_admin|cloudsqlsuperuser|crunchy_.*|avnadmin|doadmin)$'
     union all select 'databases', d.datname from pg_database as d
     union all select 'schemas', n.nspname from pg_namespace as n where n.nspname = 'heroku_ext'
     union all select 'functions', p.proname from pg_proc as p where p.proname = 'aurora_version'`,
  );
  const [rds] = await session.query("select current_setting('rds.extensions', true) as extensions");
  const set = (kind: string) =>
    new Set(rows.filter((row) => row.kind === kind).map(({ name }) => name ?? ""));
  return {
    host: session.address.host,
    database: facts.database,
    settings: set("settings"),
    rds_extensions: rds?.extensions ?? null,
    extensions: new Set(facts.extensions.keys()),
    roles: set("roles"),
    databases: set("databases"),
    schemas: set("schemas"),
    functions: set("functions"),
  };
}
