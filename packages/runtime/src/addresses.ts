/** What kind of address an IP address is, and networks of them. */
import { isIP, isIPv4 } from "node:net";

/** `metadata` serves a machine's credentials to whoever asks from it; `tunnel` hides another address. */
type AddressKind =
  | "public"
  | "private"
  | "loopback"
  | "link_local"
  | "multicast"
  | "metadata"
  | "tunnel"
  | "reserved";

export type Network = { family: 4 | 6; first: bigint; prefix: number };

/** An address as a number, with the family that its bits say: IPv4 in IPv6 (`::ffff:0:0/96`) is IPv4. */
export type Address = { family: 4 | 6; value: bigint };

/** undefined when `text` is no IP address. A zone (`%eth0`) is dropped. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.replace(/%.*$/s, "");
  const family = isIP(bare);
  if (family === 0) return undefined;
  if (family === 4) return { family: 4, value: quads(bare) };
  const value = hextets(bare);
  const mapped = value >> 32n === 0xffffn;
  return mapped ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value };
}

/** `10.0.0.0/8`, `fd00::/8` or one address; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [, base = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (!address) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  // A prefix of ::ffff:10.0.0.0/104 counts the 96 bits before it.
  const given = length === undefined ? bits : Number(length) - (isMapped(base) ? 96 : 0);
  if (given < 0 || given > bits) return undefined;
  return { family: address.family, first: truncated(address.value, bits, given), prefix: given };
}

function isMapped(text: string): boolean {
  return isIP(text) === 6 && parseAddress(text)?.family === 4;
}

export function inNetwork({ family, value }: Address, network: Network): boolean {
  const bits = family === 4 ? 32 : 128;
  return family === network.family && truncated(value, bits, network.prefix) === network.first;
}

function truncated(value: bigint, bits: number, prefix: number): bigint {
  const rest = BigInt(bits - prefix);
  return (value >> rest) << rest;
}

/** What kind `address` is. What hides an IPv4 address behind NAT64 (`64:ff9b::/96`) is of that address's kind. */
export function kindOfAddress(address: Address): AddressKind {
  if (address.family === 6 && inNetwork(address, NAT64)) {
    return kindOfAddress({ family: 4, value: address.value & 0xffff_ffffn });
  }
  const found = TABLE.find(({ network }) => inNetwork(address, network));
  if (found) return found.kind;
  // IANA gives out nothing else of IPv6 to be reached from anywhere.
  return address.family === 4 || inNetwork(address, GLOBAL_UNICAST) ? "public" : "reserved";
}

const NAT64 = known("64:ff9b::/96");
const GLOBAL_UNICAST = known("2000::/3");

/**
 * IANA's special-purpose registries (RFC 6890 and its updates), and where clouds serve metadata: AWS, Google, Azure, Oracle,
 * Alibaba. The first that fits counts.
 */
const TABLE: { network: Network; kind: AddressKind }[] = (
  [
    [
      "metadata",
      "169.254.169.254 169.254.170.2 169.254.170.23 168.63.129.16 100.100.100.200 192.0.0.192",
    ],
    ["metadata", "fd00:ec2::254 fd00:ec2::23 fd20:ce::254"],
    ["loopback", "127.0.0.0/8 ::1"],
    ["private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7 fec0::/10"],
    ["link_local", "169.254.0.0/16 fe80::/10"],
    ["multicast", "224.0.0.0/4 ff00::/8"],
    ["tunnel", "192.88.99.0/24 2001::/32 2002::/16 64:ff9b:1::/48"],
    [
      "reserved",
      "0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4",
    ],
    ["reserved", "::/96 100::/64 2001::/23 2001:db8::/32 3fff::/20"],
  ] as const
).flatMap(([kind, networks]) =>
  networks.split(" ").map((network) => ({ network: known(network), kind })),
);

function known(text: string): Network {
  const network = parseNetwork(text);
  if (!network) throw new Error(`${text} is no network`);
  return network;
}

function quads(text: string): bigint {
  return text.split(".").reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function hextets(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted && isIPv4(dotted[2]!)) {
    const low = quads(dotted[2]!);
    return hextets(`${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const [left = "", right] = text.split("::");
  const before = left === "" ? [] : left.split(":");
  const after = right === undefined || right === "" ? [] : right.split(":");
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  const groups = right === undefined ? before : [...before, ...zeros, ...after];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
