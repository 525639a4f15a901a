import type { Connector } from "../connector.ts";
import { cancel } from "./cancel.ts";
import { execute } from "./execute.ts";
import { explain } from "./explain.ts";
import { introspect } from "./introspect.ts";
import { prepare, release } from "./ready-sessions.ts";
import { testConnection } from "./test-connection.ts";

export const postgres: Connector = {
  testConnection,
  introspect,
  execute,
  explain,
  prepare,
  release,
  cancel,
};
