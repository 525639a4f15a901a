/**
 * Fetches the files of a commit from a git server over HTTPS, without its history and without a working copy. Git's own protocol, version 0, which
 * every server speaks (gitprotocol-http). Nothing of the repository is run or written to disk.
 */
import type { Outbound } from "@quern/runtime/outbound";
import { OutboundError } from "@quern/runtime/outbound-error";
import { GitError } from "./git-error.ts";
import { openPack, type Pack } from "./pack.ts";
import { FLUSH, pktLine, readPktLines } from "./pkt-lines.ts";

const MAX_REFS_BYTES = 16 * 1024 ** 2;
const MAX_PACK_BYTES = 64 * 1024 ** 2;
const TIMEOUT_MS = 60_000;
const LIMITS = { max_objects: 100_000, max_inflated_bytes: 512 * 1024 ** 2 };

export type FetchedCommit = { commit: string; pack: Pack };

/**
 * The commit of `ref`, a branch or a tag, or of the default branch, with all its files. `url` is that for `git clone`. Throws `GitError`:
 * not https, no repository, no such ref, too large, no answer.
 */
export async function fetchCommit(
  outbound: Outbound,
  url: string,
  ref: string | undefined,
): Promise<FetchedCommit> {
  const base = cloneUrl(url);
  try {
    const refs = await readRefs(outbound, base);
    const id = chooseRef(refs.ids, ref);
    const bytes = await readPackfile(outbound, refs.base, id, refs.capabilities);
    const pack = await openPack(bytes, LIMITS);
    return { commit: commitOf(pack, id), pack };
  } catch (error) {
    if (error instanceof OutboundError) throw new GitError(error.message, { cause: error });
    throw error;
  }
}

function cloneUrl(text: string): string {
  if (!URL.canParse(text)) throw new GitError("The address is no URL: it begins with https://.");
  const url = new URL(text);
  if (url.protocol !== "https:")
    throw new GitError("Only addresses that begin with https:// are imported from.");
  if (url.search !== "" || url.hash !== "")
    throw new GitError("The address must not have a ? or a #: give the one for git clone.");
  return url.href.replace(/\/+$/, "");
}

type Refs = { base: string; ids: Map<string, string>; capabilities: Set<string> };

async function readRefs(outbound: Outbound, base: string): Promise<Refs> {
  const suffix = "/info/refs?service=git-upload-pack";
  const reply = await outbound.open({
    url: base + suffix,
    headers: { accept: "*/*", "user-agent": "git/quern" },
    timeout_ms: TIMEOUT_MS,
    max_bytes: MAX_REFS_BYTES,
    redirects: 3,
  });
  const type = String(reply.headers["content-type"] ?? "");
  if (reply.status !== 200 || !type.startsWith("application/x-git-upload-pack-advertisement")) {
    reply.close();
    throw new GitError(
      reply.status === 200
        ? "There is no git repository at this address, or its server does not speak git's smart protocol."
        : `The server answered with status ${reply.status}. Is the repository there, and public?`,
    );
  }
  const ids = new Map<string, string>();
  let capabilities = new Set<string>();
  for (const line of readPktLines(await whole(reply.body))) {
    const text = line?.toString("utf8").replace(/\n$/, "") ?? "";
    const [, id, name, more] = /^([0-9a-f]{40,64}) ([^\0]+)(?:\0(.*))?$/.exec(text) ?? [];
    if (id === undefined || name === undefined) continue;
    if (more !== undefined) capabilities = new Set(more.split(" "));
    if (id.length !== 40)
      throw new GitError("The repository names its objects by SHA-256, which is not supported.");
    ids.set(name, id);
  }
  const { origin, pathname } = new URL(reply.url);
  return { base: origin + pathname.replace(/\/info\/refs$/, ""), ids, capabilities };
}

function chooseRef(ids: ReadonlyMap<string, string>, ref: string | undefined): string {
  const names = ref === undefined ? ["HEAD"] : [`refs/heads/${ref}`, `refs/tags/${ref}`, ref];
  const id = names.map((name) => ids.get(name)).find((each) => each !== undefined);
  if (id !== undefined) return id;
  throw new GitError(
    ref === undefined
      ? "The repository is empty, or has no default branch: name a branch or a tag."
      : `The repository has no branch or tag ${JSON.stringify(ref)}.`,
  );
}

async function readPackfile(
  outbound: Outbound,
  base: string,
  id: string,
  offered: ReadonlySet<string>,
): Promise<Buffer> {
  if (!offered.has("side-band-64k"))
    throw new GitError("The server's git is too old to import from.");
  const wanted = ["side-band-64k", "ofs-delta", "no-progress"].filter((each) => offered.has(each));
  const shallow = offered.has("shallow") ? pktLine("deepen 1\n") : "";
  const reply = await outbound.open({
    url: `${base}/git-upload-pack`,
    method: "POST",
    headers: {
      "content-type": "application/x-git-upload-pack-request",
      accept: "application/x-git-upload-pack-result",
      "user-agent": "git/quern",
    },
    body: pktLine(`want ${id} ${wanted.join(" ")}\n`) + shallow + FLUSH + pktLine("done\n"),
    timeout_ms: TIMEOUT_MS,
    max_bytes: MAX_PACK_BYTES,
  });
  if (reply.status !== 200) {
    reply.close();
    throw new GitError(`The server answered with status ${reply.status} when asked for the files.`);
  }
  return demultiplexed(await whole(reply.body));
}

/** The pack's bytes, which come in lines whose first byte is 1; 2 is progress, and 3 an error. */
function demultiplexed(reply: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (const line of readPktLines(reply)) {
    if (line === null) continue;
    if (line[0] === 1) pieces.push(line.subarray(1));
    else if (line[0] === 3 || line.toString("latin1", 0, 4) === "ERR ")
      throw new GitError("The server refused to send the files.");
  }
  return Buffer.concat(pieces);
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A tag names a commit, or another tag. */
function commitOf(pack: Pack, id: string): string {
  let at = id;
  for (let depth = 0; depth < 10; depth += 1) {
    const object = pack.read(at);
    if (object?.type === "commit") return at;
    const next = /^object ([0-9a-f]{40})$/m.exec(object?.content.toString("utf8") ?? "")?.[1];
    if (object?.type !== "tag" || next === undefined) break;
    at = next;
  }
  throw new GitError("The branch or tag does not name a commit.");
}
