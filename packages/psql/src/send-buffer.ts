import { inlineData } from "./frame.ts";
import type { Frame, Run } from "./run-state.ts";
import { clearText } from "./scan-state.ts";
import type { ScriptError } from "./script-error.ts";
import { type SendMode, sendStatement } from "./send-modes.ts";

/** Sends what the query buffer holds, and empties it. */
export async function sendBuffer(
  run: Run,
  frame: Frame,
  mode: SendMode = { as: "rows", muted: false },
): Promise<ScriptError | null> {
  const { scanner } = frame;
  const { text, segments, joined, began } = scanner;
  const statement = began === null ? frame.previous : { text, segments, joined, began };
  clearText(scanner);
  if (statement === null) return null;
  frame.previous = statement;
  return await sendStatement(run, frame, statement, mode, () => inlineData(frame));
}
