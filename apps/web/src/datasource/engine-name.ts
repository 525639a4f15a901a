import type { Datasource } from "@quern/contract/datasources";

/** `PostgreSQL 18.4`, of whatever an engine says of its version; without one just `PostgreSQL`. */
export function versionName(version: string | null | undefined): string {
  const number = /\d+(?:\.\d+)?/.exec(version ?? "")?.[0];
  return number ? `PostgreSQL ${number}` : "PostgreSQL";
}

/** The engine of a datasource with the version that the last test found. */
export function engineName(datasource: Pick<Datasource, "last_test">): string {
  return versionName(datasource.last_test?.report.version);
}
