import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { z } from "zod";
import { ConfigError } from "./config-error.ts";
import { problemsOf } from "./problems.ts";
import { FileSettings } from "./settings.ts";

/**
 * The settings of a YAML file. `${VAR}` in a value is replaced by the environment's; nothing else of the environment
 * counts. Throws `ConfigError`.
 */
export function readConfigFile(path: string, environment: NodeJS.ProcessEnv): FileSettings {
  const document = parseDocument(readText(path));
  const wrong = document.errors[0];
  if (wrong !== undefined) {
    const line = wrong.linePos?.[0].line;
    // The parser's own message quotes the line, which may hold a password.
    throw new ConfigError(`${path}: line ${line ?? "?"} is not YAML (${wrong.code})`);
  }
  const missing = new Set<string>();
  const expanded = expand(document.toJS() ?? {}, environment, missing);
  if (missing.size > 0) {
    const names = [...missing].map((name) => `\${${name}}`).join(", ");
    throw new ConfigError(`${path} uses ${names}, which the environment does not have.`);
  }
  return parseSettings(withOneUploadSection(expanded, path), path, (key) => key);
}

/** `source` and `nameOf` are for the error's words. Throws `ConfigError`. */
export function parseSettings(
  value: unknown,
  source: string,
  nameOf: (path: string) => string,
): FileSettings {
  const parsed = FileSettings.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = problemsOf(parsed.error, keysAt, nameOf);
  throw new ConfigError(`${source}: these settings are wrong:\n  ${lines.join("\n  ")}`);
}

/** The keys that the settings know at this path. */
function keysAt(path: string[]): string[] {
  let schema: unknown = FileSettings;
  for (const key of path) schema = inside(schema, key);
  const shape = unwrapped(schema);
  return shape instanceof z.ZodObject ? Object.keys(shape.shape) : [];
}

function inside(schema: unknown, key: string): unknown {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) return inner.shape[key];
  return inner instanceof z.ZodArray ? inner.element : undefined;
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.unwrap());
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return unwrapped(schema.unwrap());
  }
  return schema;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`The configuration ${path} cannot be read: ${code}`, { cause: error });
  }
}

function expand(value: unknown, environment: NodeJS.ProcessEnv, missing: Set<string>): unknown {
  if (typeof value === "string") {
    return value.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = environment[name];
      if (found === undefined) missing.add(name);
      return found ?? "";
    });
  }
  if (Array.isArray(value)) return value.map((item) => expand(item, environment, missing));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, expand(inner, environment, missing)]),
  );
}

/** The original's section is `datapace`; `quern` is the same by our name. */
function withOneUploadSection(value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null || !("quern" in value)) return value;
  if ("datapace" in value) {
    throw new ConfigError(`${path} has both quern and datapace, which are the same: keep one.`);
  }
  const { quern, ...rest } = value;
  return { ...rest, datapace: quern };
}
