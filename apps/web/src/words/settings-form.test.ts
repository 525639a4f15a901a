import { DEFAULT_SETTINGS } from "@quern/contract/settings";
import { expect, test } from "vitest";
import { parseBytes } from "./bytes.ts";
import { readSettingsForm, type SettingsTexts, settingsTexts } from "./settings-form.ts";

const TEXTS = settingsTexts(DEFAULT_SETTINGS);
const read = (changes: Partial<SettingsTexts>) =>
  readSettingsForm({ ...TEXTS, ...changes }, DEFAULT_SETTINGS);

test("settings are shown in words that are read back as themselves", () => {
  expect(TEXTS.timeout_ms).toEqual({ default: "1 min", maximum: "1 h" });
  expect(TEXTS.max_bytes).toEqual({ default: "256 MiB", maximum: "20 GiB" });
  expect(TEXTS.result_ttl_s).toEqual({ default: "7 d", maximum: "90 d" });
  expect(read({})).toEqual({ change: null, wrong: {} });
  expect(parseBytes("1.5 GB")).toBe(1_500_000_000);
  expect(parseBytes("20 GiB")).toBe(20 * 1024 ** 3);
  expect(parseBytes("much")).toBeNull();
});

test("only what was changed is sent", () => {
  expect(read({ timeout_ms: { default: "5 min", maximum: "1 h" } })).toEqual({
    change: { limits: { timeout_ms: { default: 300_000 } } },
    wrong: {},
  });
  expect(
    read({ result_ttl_s: { default: "12 h", maximum: "30 d" }, max_queued_per_person: "50" }),
  ).toEqual({
    change: {
      limits: { result_ttl_s: { default: 43_200, maximum: 2_592_000 } },
      max_queued_per_person: 50,
    },
    wrong: {},
  });
});

test("what cannot be is refused in words at its field", () => {
  const wrong = (changes: Partial<SettingsTexts>) => {
    const answer = read(changes);
    expect(answer.change).toBeNull();
    return answer.wrong;
  };
  expect(wrong({ timeout_ms: { default: "soon", maximum: "1 h" } })).toEqual({
    "timeout_ms.default": "Write a time such as 30 s, 5 min or 1 h.",
  });
  expect(wrong({ timeout_ms: { default: "1 min", maximum: "2 h" } })).toEqual({
    "timeout_ms.maximum": "At most 1 h.",
  });
  expect(wrong({ max_rows: { default: "2M", maximum: "1M" } })).toEqual({
    "max_rows.default": "At most 1,000,000, the maximum beside it.",
  });
  expect(wrong({ max_queued_per_person: "0" })).toEqual({
    max_queued_per_person: "Between 1 and 1,000,000.",
  });
});

test("settings for jobs are read beside the others, and only what was changed is sent", () => {
  const jobs = (change: Partial<SettingsTexts["jobs"]>) =>
    read({ jobs: { ...TEXTS.jobs, ...change } });
  expect(TEXTS.jobs.job_ttl_s).toEqual({ default: "1 d", maximum: "7 d" });
  expect(jobs({ job_ttl_s: { default: "12 h", maximum: "7 d" }, max_blob_bytes: "1 GiB" })).toEqual(
    {
      change: { jobs: { job_ttl_s: { default: 43_200 }, max_blob_bytes: 1024 ** 3 } },
      wrong: {},
    },
  );
  expect(jobs({ timeout_ms: { default: "1 min", maximum: "2 h" } }).wrong).toEqual({
    "jobs.timeout_ms.maximum": "At most 1 h.",
  });
  expect(jobs({ snapshot_ttl_s: { default: "7 d", maximum: "1 d" } }).wrong).toEqual({
    "jobs.snapshot_ttl_s.default": "At most 1 d, the maximum beside it.",
  });
  expect(jobs({ max_active_per_person: "0", max_blob_bytes: "much" })).toEqual({
    change: null,
    wrong: {
      "jobs.max_active_per_person": "At least 1.",
      "jobs.max_blob_bytes": "Write a size such as 256 MiB or 20 GiB.",
    },
  });
});

test("instances have bounds and counts of their own", () => {
  expect(TEXTS.instances.ttl_s).toEqual({ default: "1 h", maximum: "1 d" });
  const change = (instances: Partial<SettingsTexts["instances"]>) =>
    read({ instances: { ...TEXTS.instances, ...instances } });
  expect(
    change({ ttl_s: { default: "2 h", maximum: "2 d" }, max_per_person: "0", max_total: "40" }),
  ).toEqual({
    change: {
      instances: { ttl_s: { default: 7_200, maximum: 172_800 }, max_per_person: 0, max_total: 40 },
    },
    wrong: {},
  });
  expect(change({ max_total: "20k" }).wrong).toEqual({ "instances.max_total": "At most 10,000." });
  expect(change({ ttl_s: { default: "2 d", maximum: "1 d" } }).wrong).toEqual({
    "instances.ttl_s.default": "At most 1 d, the maximum beside it.",
  });
});
