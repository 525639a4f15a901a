/** What became of test files, as text for people and for machines. */
import type { Colours } from "../colours.ts";
import { printable } from "../colours.ts";
import { duration } from "../formats/times.ts";

export type TestOutcome = {
  /** The file's path in the project, with the version of PostgreSQL when there are several. */
  name: string;
  status: "passed" | "failed" | "error" | "skipped";
  /** For people: a line or more. */
  message: string;
  faults: string[];
  /** Where an editor jumps to: from the folder that the command was typed in. */
  file: string;
  line: number | null;
  sqlstate: string | null;
  duration_ms: number;
  checks: number;
  job_id: string | null;
  timed_out: boolean;
};

export const REPORT_FORMATS = ["pretty", "tap", "junit"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** Pieces of a report, in the order in which they are written: the start, each outcome, the end. */
export type Report = {
  start(count: number): string;
  outcome(outcome: TestOutcome, number: number): string;
  end(outcomes: readonly TestOutcome[], duration_ms: number): string;
};

export function reportOf(format: ReportFormat, colours: Colours): Report {
  if (format === "tap") return TAP;
  if (format === "junit") return JUNIT;
  return pretty(colours);
}

const failedOf = (outcomes: readonly TestOutcome[]) =>
  outcomes.filter(({ status }) => status === "failed" || status === "error");

function pretty({ red, green, yellow, dim, bold }: Colours): Report {
  const marks = {
    passed: green("✓"),
    failed: red("✗"),
    error: red("✗"),
    skipped: yellow("-"),
  };
  return {
    start: () => "",
    outcome({ name, status, message, faults, file, line, duration_ms }) {
      const head = `${marks[status]} ${name} ${dim(duration(duration_ms))}\n`;
      if (status === "passed") return head;
      const place = line === null ? file : `${file}:${line}`;
      const words = [status === "skipped" ? message : `${place}: ${message}`, ...faults];
      return (
        head +
        words
          .filter(Boolean)
          .map((text) => `${indented(printable(text))}\n`)
          .join("")
      );
    },
    end(outcomes, duration_ms) {
      const failed = failedOf(outcomes).length;
      const skipped = outcomes.filter(({ status }) => status === "skipped").length;
      const passed = outcomes.length - failed - skipped;
      const parts = [
        green(`${passed} passed`),
        ...(failed > 0 ? [red(`${failed} failed`)] : []),
        ...(skipped > 0 ? [yellow(`${skipped} skipped`)] : []),
      ];
      return `\n${bold(parts.join(", "))} ${dim(`in ${duration(duration_ms)}`)}\n`;
    },
  };
}

function indented(text: string): string {
  return text.replace(/^/gm, "    ");
}

/** https://testanything.org/tap-version-14-specification.html */
const TAP: Report = {
  start: (count) => `TAP version 14\n1..${count}\n`,
  outcome(outcome, number) {
    const { name, status, message, duration_ms } = outcome;
    const ok = status === "passed" || status === "skipped" ? "ok" : "not ok";
    const directive = status === "skipped" ? ` # SKIP ${oneLine(message)}` : "";
    const title = oneLine(name).replace(/[\\#]/g, "\\$&");
    const head = `${ok} ${number} - ${title}${directive}\n`;
    const facts: [string, string | number | null][] = [
      ["duration_ms", Math.round(duration_ms)],
      ...(ok === "ok"
        ? []
        : ([
            ["message", [message, ...outcome.faults].filter(Boolean).join("\n")],
            ["severity", status === "error" ? "error" : "fail"],
            ["file", outcome.file],
            ["line", outcome.line],
            ["sqlstate", outcome.sqlstate],
            ["job_id", outcome.job_id],
          ] satisfies [string, string | number | null][])),
    ];
    const yaml = facts
      .filter(([, value]) => value !== null)
      // JSON is YAML, and needs no rules of its own about quotes.
      .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`);
    return `${head}  ---\n${yaml.join("")}  ...\n`;
  },
  end: () => "",
};

function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, " ").trim();
}

/** The JUnit XML that CI systems read: one suite, a case each file. It is written at the end, since its head has the sums. */
const JUNIT: Report = {
  start: () => "",
  outcome: () => "",
  end(outcomes, duration_ms) {
    const count = (status: TestOutcome["status"]) =>
      outcomes.filter((outcome) => outcome.status === status).length;
    const sums = attributes({
      tests: outcomes.length,
      failures: count("failed"),
      errors: count("error"),
      skipped: count("skipped"),
      time: (duration_ms / 1000).toFixed(3),
    });
    const cases = outcomes.map(junitCase).join("");
    return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${sums}>\n<testsuite name="quern"${sums}>\n${cases}</testsuite>\n</testsuites>\n`;
  },
};

function junitCase({
  name,
  status,
  message,
  faults,
  file,
  line,
  sqlstate,
  duration_ms,
}: TestOutcome): string {
  const [folder, title] = [
    name.slice(0, Math.max(0, name.lastIndexOf("/"))),
    name.slice(name.lastIndexOf("/") + 1),
  ];
  const head = attributes({
    classname: folder === "" ? "." : folder.replaceAll("/", "."),
    name: title,
    file,
    ...(line === null ? {} : { line }),
    time: (duration_ms / 1000).toFixed(3),
  });
  if (status === "passed") return `<testcase${head}/>\n`;
  if (status === "skipped")
    return `<testcase${head}><skipped${attributes({ message })}/></testcase>\n`;
  const element = status === "error" ? "error" : "failure";
  const place = line === null ? file : `${file}:${line}`;
  const text = xml([`${place}: ${message}`, ...faults].join("\n"));
  const facts = attributes({ message, type: sqlstate ?? status });
  return `<testcase${head}><${element}${facts}>${text}</${element}></testcase>\n`;
}

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${xml(String(value)).replaceAll("\n", "&#10;")}"`)
    .join("");
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as XML 1.0 can hold it: control characters cannot be written in it at all. */
function xml(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it takes out
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replace(/[&<>"]/g, (char) => ENTITIES[char]!)
  );
}
