/** Where a server runs, told from its host and its variables. A pure function, so that every rule is tested. */
import type { Provider } from "../config/agent-config.ts";
import type { Session } from "./session.ts";

export type ProviderSigns = {
  host: string;
  /** Names of variables, in lower case. */
  variables: ReadonlySet<string>;
  /** `version_comment` and `basedir`: what the server was built as, and where it is. */
  comment: string;
  basedir: string;
};

export type DetectedProvider = { provider: Provider; evidence: Record<string, string> };

type Rule = [provider: Provider, host: RegExp, variable: RegExp | null, more?: Sign];
type Sign = (signs: ProviderSigns) => [sign: string, value: string] | null;

/** The first rule with a sign wins: Aurora has what RDS has. */
const RULES: Rule[] = [
  [
    "aurora",
    /\.cluster-(ro-|custom-)?[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?$/,
    /^aurora_version$/,
  ],
  ["rds", /\.rds\.amazonaws\.com(\.cn)?$/, /^rds_/, basedir(/^\/rdsdbbin\//)],
  [
    "azure",
    /\.(mysql|mariadb)\.database\.(azure\.com|usgovcloudapi\.net|chinacloudapi\.cn)$/,
    /^(azure_|aad_)/,
    comment(/\bazure\b/i),
  ],
  ["cloudsql", /\.sql\.goog$/, /^(cloudsql_|cloud_sql_)/, comment(/\(google\)|\bcloud sql\b/i)],
  ["planetscale", /\.psdb\.cloud$/, null, comment(/vitess/i)],
  ["digitalocean", /\.db\.ondigitalocean\.com$/, null],
  ["aiven", /\.aivencloud\.com$/, null],
];

/** `generic` with no evidence where nothing gives a service away. Evidence is the pattern's own words, no host. */
export function detectProvider(signs: ProviderSigns): DetectedProvider {
  const host = signs.host.toLowerCase().replace(/\.$/, "");
  for (const [provider, hosts, variables, more] of RULES) {
    const evidence: Record<string, string> = {};
    const found = hosts.exec(host)?.[0];
    if (found !== undefined) evidence.host = found.replace(/^\.(cluster-)[^.]+/, ".$1…");
    const variable = [...signs.variables].find((name) => variables?.test(name));
    if (variable !== undefined) evidence.setting = variable;
    const other = more?.(signs);
    if (other) evidence[other[0]] = other[1];
    if (Object.keys(evidence).length > 0) return { provider, evidence };
  }
  return { provider: "generic", evidence: {} };
}

function comment(pattern: RegExp): Sign {
  return (signs) => {
    const found = pattern.exec(signs.comment)?.[0];
    return found === undefined ? null : ["version_comment", found];
  };
}

function basedir(pattern: RegExp): Sign {
  return (signs) => {
    const found = pattern.exec(signs.basedir)?.[0];
    return found === undefined ? null : ["basedir", found];
  };
}

export async function readSigns(session: Session): Promise<ProviderSigns> {
  const rows = await session.query(
    `show global variables where variable_name regexp '^(aurora_version|rds_|azure_|aad_|cloudsql_|cloud_sql_|version_comment$|basedir$)'`,
  );
  const variables = new Map(
    rows.map((row) => [(row.Variable_name ?? "").toLowerCase(), row.Value ?? ""]),
  );
  return {
    host: session.address.host,
    variables: new Set(variables.keys()),
    comment: variables.get("version_comment") ?? "",
    basedir: variables.get("basedir") ?? "",
  };
}
