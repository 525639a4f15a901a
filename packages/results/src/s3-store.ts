/** S3 and what speaks its protocol, as a store. The SDK (some 30 MB of memory) is loaded when it is first needed. */
import type { S3Client } from "@aws-sdk/client-s3";
import { PartMissingError, PartStoreError } from "./part-keys.ts";

export type S3Credentials = { access_key_id: string; secret_access_key: string };

export type S3Store = {
  kind: "s3";
  bucket: string;
  /** Empty, or with a slash at the end. */
  prefix: string;
  endpoint: string | null;
  region: string;
  path_style: boolean;
  /** null: those of the AWS environment (variables, profile, role of the machine). */
  credentials: S3Credentials | null;
};

const PARAMETERS = new Set(["endpoint", "region", "path_style"]);
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const DEFAULT_REGION = "us-east-1";

/** Reads `s3://BUCKET/PREFIX?endpoint=https://…&region=…&path_style=1`. Throws PartStoreError with what to write. */
export function parseS3Store(setting: string, credentials: S3Credentials | null): S3Store {
  const refused = (why: string) => new PartStoreError(`"${setting}" is no result store: ${why}`);
  const match = /^s3:\/\/([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(setting);
  const [, bucket = "", path = "", query = ""] = match ?? [];
  if (!BUCKET.test(bucket)) throw refused("write s3://BUCKET/PREFIX with the name of a bucket");
  if (!/^[\w./-]*$/.test(path)) throw refused("the prefix may have letters, digits and . _ - /");
  const given = new URLSearchParams(query);
  for (const name of given.keys()) {
    if (!PARAMETERS.has(name)) throw refused(`${name} is none of endpoint, region and path_style`);
  }
  const endpoint = given.get("endpoint");
  if (endpoint !== null && !/^https?:\/\/[^/]+\/?$/.test(endpoint))
    throw refused("write endpoint=https://HOST:PORT");
  const style = given.get("path_style") ?? "0";
  if (style !== "0" && style !== "1") throw refused("path_style is 1 or 0");
  const prefix = path.replace(/^\/+|\/+$/g, "");
  return {
    kind: "s3",
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint,
    region: given.get("region") ?? DEFAULT_REGION,
    path_style: style === "1",
    credentials,
  };
}

const ATTEMPTS = 4;
const CONNECT_MS = 5_000;
/** Silence for so long on a connection ends the attempt. */
const SILENCE_MS = 20_000;

export type Sdk = typeof import("@aws-sdk/client-s3");
const clients = new WeakMap<S3Store, Promise<S3Client>>();

/** The client of a store, one for all its requests, and the SDK's commands. */
export async function connectS3(store: S3Store): Promise<{ s3: S3Client; sdk: Sdk }> {
  const sdk = await import("@aws-sdk/client-s3");
  let client = clients.get(store);
  if (client === undefined) {
    client = Promise.resolve(openClient(sdk, store));
    clients.set(store, client);
  }
  return { s3: await client, sdk };
}

function openClient(sdk: Sdk, store: S3Store): S3Client {
  return new sdk.S3Client({
    region: store.region,
    forcePathStyle: store.path_style,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
    },
    // Stores other than Amazon's do not know the newer checksums; parts have their own.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(store.endpoint === null ? {} : { endpoint: store.endpoint }),
    ...(store.credentials === null
      ? {}
      : {
          credentials: {
            accessKeyId: store.credentials.access_key_id,
            secretAccessKey: store.credentials.secret_access_key,
          },
        }),
  });
}

const REASONS: Record<string, string> = {
  AccessDenied: "the credentials may not do that: check the bucket's policy",
  InvalidAccessKeyId: "the store does not know the access key",
  SignatureDoesNotMatch: "the secret key is wrong",
  CredentialsProviderError:
    "no credentials were found: set QUERN_S3_ACCESS_KEY_ID and QUERN_S3_SECRET_ACCESS_KEY",
  NoSuchBucket: "there is no such bucket",
  TimeoutError: "it does not answer",
  AbortError: "it took too long",
  ECONNREFUSED: "nothing listens at its address",
  ENOTFOUND: "its host name is unknown",
};

/** Any failure of a request as what callers know. Never holds a credential: the SDK's messages have none. */
export function s3Error(what: string, error: unknown): PartStoreError | PartMissingError {
  if (error instanceof PartStoreError || error instanceof PartMissingError) return error;
  const name = error instanceof Error ? error.name : "";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (name === "NoSuchKey" || name === "NotFound")
    return new PartMissingError(`${what}: it is not in the result store`, { cause: error });
  const text = error instanceof Error ? error.message : String(error);
  const reason = REASONS[name] ?? REASONS[code];
  return new PartStoreError(`${what}: ${reason === undefined ? text : `${reason} (${text})`}`, {
    cause: error,
  });
}
