/** The settings of a sandbox process that are about instances; `main.ts` spreads them into its own. */
import { readFileSync } from "node:fs";
import { numberSetting, SettingsError } from "@quern/runtime/settings";
import { z } from "zod";
import { uidRange } from "./uids.ts";

export const instanceSettings = {
  QUERN_SANDBOX_CLONE: z
    .enum(["auto", "reflink", "overlay", "copy"])
    .default("auto")
    .describe(
      "How states are cloned: shared blocks, an overlay, or copies; auto takes the best there is",
    ),
  QUERN_SANDBOX_UIDS: z
    .string()
    .regex(/^\d{4,9}-\d{4,9}$/, "must be two numbers with a hyphen between")
    .default("70000-70255")
    .refine((text) => {
      const { first, last } = uidRange(text);
      return first <= last;
    }, "must begin with the lower number")
    .describe(
      "User ids for instances, one each, when the sandbox runs as root; no other use of them",
    ),
  QUERN_SANDBOX_POOL: numberSetting({ min: 0, max: 64 })
    .default(4)
    .describe("Instances kept started ahead of need, at most"),
  QUERN_SANDBOX_SUPERUSER: z
    .enum(["0", "1"])
    .default("0")
    .transform((value) => value === "1")
    .describe(
      "1: a project may ask for a superuser, where instances have a uid and a network of their own",
    ),
  QUERN_SANDBOX_INSTANCE_MEMORY_BYTES: numberSetting({ min: 67_108_864, max: 1e15 })
    .default(1_073_741_824)
    .describe("Memory of one instance, where control groups can be made"),
  QUERN_SANDBOX_INSTANCE_DISK_BYTES: numberSetting({ min: 67_108_864, max: 1e15 })
    .default(10_737_418_240)
    .describe("Disk of one instance"),
  QUERN_SANDBOX_PROXY_ADDR: z
    .string()
    .regex(/^(off|(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5})$/, "must be HOST:PORT, or off")
    .optional()
    .describe(
      "Where people's instances are reached, HOST:PORT; off: nowhere. 127.0.0.1:6432 when left out, or a free port where that one is taken",
    ),
  QUERN_SANDBOX_PROXY_HOST: z
    .string()
    .regex(/^[\w.:-]{1,253}$/, "must be a host name or an address")
    .optional()
    .describe("The host that people are told to connect to, when it is another"),
  QUERN_SANDBOX_PROXY_TLS_CERT: z
    .string()
    .optional()
    .describe("File with a certificate chain (PEM): then connections without TLS are refused"),
  QUERN_SANDBOX_PROXY_TLS_KEY: z.string().optional().describe("File with its key (PEM)"),
};

type ProxySettings = {
  QUERN_SANDBOX_PROXY_ADDR?: string | undefined;
  QUERN_SANDBOX_PROXY_HOST?: string | undefined;
  QUERN_SANDBOX_PROXY_TLS_CERT?: string | undefined;
  QUERN_SANDBOX_PROXY_TLS_KEY?: string | undefined;
};

/** What `startProxy` wants of the settings; null: no proxy. Throws SettingsError when a file cannot be read. */
export function proxySettingsOf(settings: ProxySettings) {
  const address = settings.QUERN_SANDBOX_PROXY_ADDR ?? "127.0.0.1:6432";
  if (address === "off") return null;
  const at = address.lastIndexOf(":");
  const cert = settings.QUERN_SANDBOX_PROXY_TLS_CERT;
  const key = settings.QUERN_SANDBOX_PROXY_TLS_KEY;
  if ((cert === undefined) !== (key === undefined)) {
    throw new SettingsError(
      "QUERN_SANDBOX_PROXY_TLS_CERT and QUERN_SANDBOX_PROXY_TLS_KEY go together: set both, or neither.",
    );
  }
  return {
    host: address.slice(0, at).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(at + 1)),
    /** A second Quern on the same machine must start, too; whoever chose a port gets that one or an error. */
    any_port: settings.QUERN_SANDBOX_PROXY_ADDR === undefined,
    ...(settings.QUERN_SANDBOX_PROXY_HOST && {
      advertised_host: settings.QUERN_SANDBOX_PROXY_HOST,
    }),
    tls:
      cert === undefined || key === undefined
        ? null
        : {
            cert: readPem("QUERN_SANDBOX_PROXY_TLS_CERT", cert),
            key: readPem("QUERN_SANDBOX_PROXY_TLS_KEY", key),
          },
  };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingsError(`${name} names ${path}, which cannot be read`, { cause: error });
  }
}
