import { join } from "node:path";
import S3rver from "@20minutes/s3rver";

export type TestS3 = { endpoint: string; close(): Promise<void> };

/** A server with the bucket `results` and the credentials S3RVER, S3RVER, for tests; its objects are in `directory`. */
export async function startS3(directory: string, { strict = false } = {}): Promise<TestS3> {
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    // It reckons the signatures of `?uploads` wrong, so only some tests can let it check them.
    allowMismatchedSignatures: !strict,
    directory: join(directory, "s3"),
    configureBuckets: [{ name: "results", configs: [] }],
  });
  const { address, port } = await server.run();
  return { endpoint: `http://${address}:${port}`, close: () => server.close() };
}
