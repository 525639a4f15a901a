import { ConnectorError } from "../errors.ts";
import { ConnectionLostError, OversizedRowError } from "./wire.ts";

/** What the wire throws, as the error of a run; any other error as it is. */
export function wireError(error: unknown, maxCell: number): unknown {
  if (error instanceof OversizedRowError) {
    return new ConnectorError({
      code: "oversized_row",
      message: `A row has ${error.size} bytes; at most ${maxCell * 2} are allowed.`,
      hint: "Select fewer or smaller columns.",
    });
  }
  if (error instanceof ConnectionLostError) {
    return new ConnectorError({
      code: "datasource_unreachable",
      message: `The connection was lost while the statement ran: ${error.message}.`,
      hint: "The server may have been restarted. What the statement did until then is not known.",
    });
  }
  return error;
}
