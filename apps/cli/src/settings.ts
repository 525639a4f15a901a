import { z } from "zod";

/** What `quern` takes from its environment. `QUERN_TOKEN_FILE` gives the token by a file. */
export const CliSettings = z.object({
  QUERN_URL: z
    .url({ protocol: /^https?$/, error: "must be an address like https://quern.example.com" })
    .default("http://localhost:3000")
    .describe("Where Quern is"),
  QUERN_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, "must be the token alone, without spaces or line ends")
    .optional()
    .describe("An access token, made on the page Access tokens; better by _FILE"),
  QUERN_CA_FILE: z
    .string()
    .optional()
    .describe("Certificates (PEM) to trust beside the usual ones, for a server with its own CA"),
  NO_COLOR: z.string().optional().describe("Anything: no colours"),
  GITHUB_ACTIONS: z.string().optional().describe("true: errors are annotations of GitHub, too"),
  PATH: z.string().optional().describe("Where psql is looked for"),
});
export type CliSettings = z.output<typeof CliSettings>;
