import { waitLoad } from "../facts-activity.ts";
import { lastSeconds, MINUTE_S, tooLittle } from "../facts-window.ts";
import { advice, fact, found, judged } from "../finding.ts";
import type { Found, Rule } from "../rule.ts";

const WINDOW_S = 10 * MINUTE_S;
const SHARE = 0.5;
const LOAD = 2;

const WORDS: Record<string, string> = {
  IO: "Sessions wait for disks: look at the statements that read the most blocks, at the cache hit ratio and at the disks of the server.",
  LWLock:
    "Sessions wait for the server's own structures: often too many sessions at once on the same few pages or buffers. A pool with fewer connections helps more often than any setting.",
};

export const rule: Rule = {
  id: "wait-profile",
  title: "Most of the load waits",
  category: "performance",
  explanation:
    "Of the sessions that were active in the samples of the last ten minutes, more than half waited for disks or for structures that the server shares, instead of computing. What they wait for most is what limits the database now.",
  source: "Own: more than half over 10 minutes, with two active sessions on average.",
  weight: { info: 3, warning: 3, critical: 3 },
  caps: false,
  of: "server",
  every_s: 300,
  needs: ["activity"],
  engines: ["postgres"],
  async judge(subject) {
    const window = lastSeconds(subject, WINDOW_S);
    const { samples, seconds, total, waits } = await waitLoad(subject, window);
    const missing = tooLittle(samples === 0 ? 0 : seconds, WINDOW_S * 0.8, "samples of sessions");
    if (missing) return missing;
    if (total < LOAD) return judged([]);
    return judged(
      Object.keys(WORDS).flatMap((type): Found[] => {
        const own = waits.filter(({ wait_type }) => wait_type === type);
        const load = own.reduce((sum, each) => sum + each.load, 0);
        const [top] = own;
        if (top === undefined || load / total <= SHARE) return [];
        const evidence = [
          fact("share_of_load", load / total, "ratio", SHARE),
          fact("average_active_sessions", total, "count", LOAD),
          fact("top_wait", `${type}: ${top.wait_event}`, "text"),
          fact("top_wait_sessions", top.load),
          fact("top_statement", top.query_hash === "" ? null : top.query_hash, "text"),
        ];
        const confidence = samples >= 30 ? ("high" as const) : ("medium" as const);
        const fix = advice(WORDS[type]!);
        return [found(type, "info", evidence, { window, confidence, fix })];
      }),
    );
  },
};
