import type { Connector } from "../connector.ts";
import { cancel } from "./cancel.ts";
import { execute } from "./execute.ts";
import { introspect } from "./introspect.ts";
import { testConnection } from "./test-connection.ts";

export const postgres: Connector = { testConnection, introspect, execute, cancel };
