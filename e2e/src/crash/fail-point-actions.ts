/**
 * What a tested runner does at a fail point: `name[:since]=action[@nth]`, several with commas. Actions are `kill`,
 * `kill_executors`, `stop` (SIGSTOP), `error` and `sleep:ms`; `:streaming` means once that point was passed, too;
 * `@2` means the second time only, otherwise every time.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { FailPoint, PassFailPoint } from "@quern/run-work/fail-points";

type Rule = { point: string; since: string | null; action: string; nth: number | null };

const RULE =
  /^(?<point>[a-z_]+)(?::(?<since>[a-z_]+))?=(?<action>kill|kill_executors|stop|error|sleep:\d+)(?:@(?<nth>\d+))?$/;

/** Throws when the text is no list of fail points. */
export function failPointActions(text: string): PassFailPoint {
  const rules: Rule[] = text.split(",").map((rule) => {
    const found = RULE.exec(rule.trim())?.groups;
    if (!found) throw new Error(`QUERN_FAIL_POINTS: "${rule}" is no name[:since]=action[@nth]`);
    const { point, since = null, action, nth } = found;
    return { point: point!, since, action: action!, nth: nth === undefined ? null : Number(nth) };
  });
  const passed = new Map<string, number>();
  return (point: FailPoint) => {
    const times = (passed.get(point) ?? 0) + 1;
    passed.set(point, times);
    const due = rules.find(
      (rule) =>
        rule.point === point &&
        (rule.since === null || passed.has(rule.since)) &&
        (rule.nth ?? times) === times,
    );
    return due === undefined ? undefined : act(point, due.action);
  };
}

/** Not async: a kill at the place, not a moment later. */
function act(point: string, action: string): Promise<void> | void {
  switch (action) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return;
    case "stop":
      process.kill(process.pid, "SIGSTOP");
      return;
    case "kill_executors":
      for (const pid of childPids(process.pid)) process.kill(pid, "SIGKILL");
      return;
    case "error":
      return Promise.reject(new Error(`failed at ${point}, as asked`));
    default:
      return delay(Number(action.slice("sleep:".length)));
  }
}

/** Direct children; none when the process is gone. */
export function childPids(parent: number): number[] {
  try {
    const text = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim();
    return text === "" ? [] : text.split(/\s+/).map(Number);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return [];
    throw error;
  }
}
