import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { openLog } from "./log.ts";
import { metricsAddressSetting, readSettings, SettingsError, tracingSettings } from "./settings.ts";
import { parseTraceparent } from "./spans.ts";
import { openTracer } from "./tracing.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const log = openLog("test", "fatal");

test("a valid traceparent of any version is read, and nothing else", () => {
  const header = `00-${TRACE}-${SPAN}-01`;
  expect(parseTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, flags: "01", header });
  expect(parseTraceparent(`cc-${TRACE}-${SPAN}-00-what-comes-later`)?.header).toBe(
    `00-${TRACE}-${SPAN}-00`,
  );
  const refused = [
    null,
    undefined,
    "",
    "nonsense",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01'; drop table runs; --`,
    `cc-${TRACE}-${SPAN}-00-${"x".repeat(1000)}`,
  ];
  for (const value of refused) expect(parseTraceparent(value), String(value)).toBeUndefined();
});

test("while tracing is off, a caller's trace is handed on and nothing begins one", async () => {
  const tracer = await openTracer("api", {}, log);
  const header = `00-${TRACE}-${SPAN}-01`;
  expect(tracer.enabled).toBe(false);
  expect(tracer.start("request", header).child("enqueue").traceparent).toBe(header);
  expect(tracer.start("request", null).traceparent).toBeNull();
  expect(tracer.start("request", "nonsense").traceparent).toBeNull();
});

const LOADED = `
  import { createRequire } from "node:module";
  import { openTracer } from ${JSON.stringify(fileURLToPath(new URL("../dist/tracing.js", import.meta.url)))};
  const tracer = await openTracer("api", process.env, console);
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  console.log(loaded.filter((file) => file.includes("opentelemetry")).length);
  await tracer.stop();
  process.exit();
`;

async function loadedModules(environment: Record<string, string>): Promise<number> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", LOADED], {
    stdio: ["ignore", "pipe", "inherit"],
    env: environment,
  });
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  await once(child, "close");
  return Number(output);
}

test("OpenTelemetry is loaded only when there is a collector", async () => {
  expect(await loadedModules({})).toBe(0);
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
  expect(await loadedModules(endpoint)).toBeGreaterThan(10);
});

test("settings of metrics and traces are checked at the start", () => {
  const schema = z.object({ QUERN_METRICS_ADDR: metricsAddressSetting, ...tracingSettings });
  const read = (environment: Record<string, string>) => readSettings(schema, environment);
  for (const address of ["127.0.0.1:9464", "[::1]:0", "metrics.internal:65535"])
    expect(read({ QUERN_METRICS_ADDR: address }).QUERN_METRICS_ADDR).toBe(address);
  for (const address of ["9464", ":9464", "127.0.0.1", "::1:9464", "127.0.0.1:65536", "h:1x"])
    expect(() => read({ QUERN_METRICS_ADDR: address }), address).toThrow(SettingsError);
  expect(read({ OTEL_TRACES_SAMPLER_ARG: "0.25" }).OTEL_TRACES_SAMPLER_ARG).toBe(0.25);
  for (const [key, value] of [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5"],
  ] as const)
    expect(() => read({ [key]: value }), key).toThrow(key);
});
