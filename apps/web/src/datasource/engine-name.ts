import type { Datasource } from "@quern/contract/datasources";

/** The engine with the version that the last test found: `PostgreSQL 18.4`. */
export function engineName(datasource: Pick<Datasource, "last_test">): string {
  const version = datasource.last_test?.report.version?.trim();
  if (!version) return "PostgreSQL";
  const number = /\d+(?:\.\d+)?/.exec(version)?.[0];
  return number ? `PostgreSQL ${number}` : version;
}
