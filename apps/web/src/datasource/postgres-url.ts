import type { SslMode } from "@quern/contract/datasources";

export type UrlFields = {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string | null;
  sslmode: SslMode | null;
};

const MODES = new Set<string>(["disable", "prefer", "require", "verify-ca", "verify-full"]);

/** The fields of `postgres://user:password@host:5432/database?sslmode=require`; null when `text` is no such address. */
export function parsePostgresUrl(text: string): UrlFields | null {
  const match =
    /^\s*(?:jdbc:)?postgres(?:ql)?:\/\/(?:([^@/]*)@)?(\[[0-9a-f:.]+\]|[^/:?[\]]*)(?::(\d+))?(?:\/([^?]*))?(?:\?(.*?))?\s*$/i.exec(
      text,
    );
  if (!match) return null;
  const [, login = "", host = "", port, path = "", search = ""] = match;
  const params = new URLSearchParams(search);
  const colon = login.indexOf(":");
  const user = decode(colon === -1 ? login : login.slice(0, colon)) || params.get("user") || "";
  const sslmode = params.get("sslmode");
  return {
    host: host.replace(/^\[|\]$/g, "") || params.get("host") || "localhost",
    port: Number(port ?? params.get("port") ?? 5432),
    database: decode(path) || params.get("dbname") || user,
    user,
    password: colon === -1 ? params.get("password") : decode(login.slice(colon + 1)),
    sslmode: sslmode !== null && MODES.has(sslmode) ? (sslmode as SslMode) : null,
  };
}

/** A password with a bare `%` is taken as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
