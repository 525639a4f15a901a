/** Says in Quern's words and codes what a server's ErrorResponse means. */

import { codeUnitOffset } from "@quern/contract/postgres-statement";
import { ConnectorError, type ConnectorErrorCode } from "../errors.ts";

/** Fields of an ErrorResponse by their one-letter code. */
type Fields = Map<string, string>;

/** Where the failed statement's text began in the whole text. */
type Sent = { text: string; offset: number };

export function serverError(fields: Fields, sent: Sent | null): ConnectorError {
  const sqlstate = fields.get("C") ?? "";
  const message = fields.get("M") ?? "the server reported an error without a message";
  const codePoint = Number(fields.get("P") ?? "0");
  const position =
    sent !== null && codePoint > 0 ? sent.offset + codeUnitOffset(sent.text, codePoint) : null;
  return new ConnectorError({
    code: codeFor(sqlstate, message),
    message,
    sqlstate,
    position,
    detail: fields.get("D") ?? null,
    hint: fields.get("H") ?? hintFor(sqlstate),
  });
}

function codeFor(sqlstate: string, message: string): ConnectorErrorCode {
  if (sqlstate === "57014") return /statement timeout/.test(message) ? "timeout" : "canceled";
  if (sqlstate === "42501") return "permission_denied";
  if (sqlstate === "25P03" || sqlstate === "25P04") return "timeout";
  if (sqlstate === "28P01" || sqlstate === "28000") return "auth_failed";
  if (/^(57P0[1-5]|08...)$/.test(sqlstate)) return "datasource_unreachable";
  return "sql_error";
}

/** Of an error that a script's statement got, in a session that goes on. */
export function scriptErrorCode(
  sqlstate: string,
  message: string,
): "sql_error" | "timeout" | "permission_denied" {
  const code = codeFor(sqlstate, message);
  return code === "timeout" || code === "permission_denied" ? code : "sql_error";
}

function hintFor(sqlstate: string): string | null {
  switch (sqlstate) {
    case "25006":
      return "This datasource is read-only. Use a datasource that may write.";
    case "42501":
      return "Ask the owner of the object to grant the role of this datasource what it lacks.";
    case "57P01":
      return "The session was ended by an administrator or the server is shutting down. Run it again.";
    default:
      return null;
  }
}

/** Sign-in errors: the server's answer to the start-up message. */
export function signInError(fields: { code: string; message: string }): ConnectorError {
  const { code: sqlstate, message } = fields;
  if (sqlstate === "28P01" || sqlstate === "28000") {
    return new ConnectorError({
      code: "auth_failed",
      message,
      sqlstate,
      hint:
        sqlstate === "28P01"
          ? "Check user and password."
          : "pg_hba.conf of the server does not let this user in from this host with this sslmode.",
    });
  }
  const hints: Record<string, string> = {
    "3D000": "Check the name of the database.",
    "42501": "The role lacks the privilege to connect to this database.",
    "53300":
      "The server has no free connection: raise max_connections, or lower max_concurrency here.",
    "57P03": "The server is starting up or shutting down. Try again in a moment.",
  };
  return new ConnectorError({
    code: sqlstate === "42501" ? "permission_denied" : "datasource_unreachable",
    message,
    sqlstate,
    hint: hints[sqlstate] ?? null,
  });
}
