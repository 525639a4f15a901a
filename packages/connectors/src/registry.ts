import type { DatasourceType } from "@quern/contract/datasources";
import type { Connector } from "./connector.ts";
import { postgres } from "./postgres/connector.ts";

/** One entry per engine; adding an engine is a folder and a line here. */
export const connectors: Record<DatasourceType, Connector> = { postgres };
