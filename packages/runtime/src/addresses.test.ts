import { BlockList } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { inNetwork, kindOfAddress, parseAddress, parseNetwork } from "./addresses.ts";
import { OutboundError } from "./outbound-error.ts";
import { checkAddress, checkUrl, parseOutboundAllow } from "./outbound-rules.ts";

const kind = (text: string) => kindOfAddress(parseAddress(text)!);
const allow = (text: string) => {
  const parsed = parseOutboundAllow(text);
  if ("wrong" in parsed) throw new Error(parsed.wrong);
  return parsed;
};
const isRefused = (url: string, allowed = "") => {
  try {
    checkUrl(new URL(url), allow(allowed));
    return false;
  } catch (error) {
    if (error instanceof OutboundError) return true;
    throw error;
  }
};

test("addresses are told apart by kind, also when they hide in others", () => {
  const kinds = {
    public: [
      "8.8.8.8",
      "1.1.1.1",
      "172.32.0.1",
      "100.128.0.1",
      "2606:4700::1111",
      "::ffff:8.8.8.8",
      "64:ff9b::8.8.8.8",
    ],
    loopback: [
      "127.0.0.1",
      "127.255.255.254",
      "::1",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "64:ff9b::7f00:1",
      "::1%lo",
    ],
    private: [
      "10.1.2.3",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "100.64.0.1",
      "fd12::1",
      "fc00::",
      "fec0::1",
      "64:ff9b::10.0.0.1",
    ],
    link_local: ["169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.1.1"],
    multicast: ["224.0.0.1", "239.255.255.255", "ff02::1"],
    metadata: [
      "169.254.169.254",
      "168.63.129.16",
      "100.100.100.200",
      "192.0.0.192",
      "fd00:ec2::254",
      "fd20:ce::254",
      "::ffff:169.254.169.254",
      "64:ff9b::a9fe:a9fe",
    ],
    tunnel: ["2002:7f00:1::", "2001:0:1::1", "64:ff9b:1::1", "192.88.99.1"],
    reserved: [
      "0.0.0.0",
      "0.1.2.3",
      "192.0.0.1",
      "192.0.2.1",
      "198.18.0.1",
      "198.51.100.1",
      "203.0.113.9",
      "240.0.0.1",
      "255.255.255.255",
      "::",
      "::8.8.8.8",
      "2001:db8::1",
      "2001:20::1",
      "3fff::1",
      "100::1",
      "4000::1",
      "5f00::1",
    ],
  };
  for (const [expected, addresses] of Object.entries(kinds)) {
    for (const address of addresses) expect([address, kind(address)]).toEqual([address, expected]);
  }
});

test("property: whatever way an IPv4 address is written within IPv6, it is of the same kind", () => {
  const written = [
    (text: string) => `::ffff:${text}`,
    (text: string) => `0:0:0:0:0:FFFF:${text}`,
    (text: string) => `64:ff9b::${text}`,
    (text: string) => new URL(`http://[::ffff:${text}]`).hostname.slice(1, -1),
  ];
  fc.assert(
    fc.property(fc.ipV4(), fc.constantFrom(...written), (text, write) => {
      expect(kind(write(text))).toBe(kind(text));
    }),
    { numRuns: 2_000 },
  );
});

test("property: networks hold what Node's own block list says", () => {
  const network = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.constant("ipv4" as const), fc.ipV4()),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.constant("ipv6" as const), fc.ipV6()),
  );
  fc.assert(
    fc.property(network, ([base, prefix, family, other]) => {
      const parsed = [parseAddress(base)!, parseAddress(other)!];
      // Node takes a mapped address for IPv6 here, and for IPv4 there.
      fc.pre(parsed.every((each) => each.family === (family === "ipv4" ? 4 : 6)));
      const list = new BlockList();
      list.addSubnet(base, prefix, family);
      const ours = parseNetwork(`${base}/${prefix}`)!;
      expect(inNetwork(parsed[0]!, ours)).toBe(true);
      expect(inNetwork(parsed[1]!, ours)).toBe(list.check(other, family));
    }),
    { numRuns: 2_000 },
  );
});

test("addresses that only look like something else are refused as what they are", () => {
  const refused = [
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::]/",
    "http://0/",
    "http://①②⑦.0.0.1/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://a.localhost/",
    "http://metadata.google.internal/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://169.254.169.254./",
    "https://example.com:22/",
    "https://example.com:6/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "data:,x",
    "https://me@example.com/",
    "https://:x@example.com/",
  ];
  for (const url of refused) expect([url, isRefused(url)]).toEqual([url, true]);
  for (const url of [
    "https://example.com/x?y",
    "http://example.com:8080",
    "https://93.184.216.34:8443/",
  ])
    expect([url, isRefused(url)]).toEqual([url, false]);
});

test("the operator allows networks and hosts; metadata only by itself, and multicast never", () => {
  expect(isRefused("http://10.1.2.3/", "10.0.0.0/8")).toBe(false);
  expect(isRefused("http://[::ffff:10.1.2.3]/", "10.0.0.0/8")).toBe(false);
  expect(isRefused("http://10.1.2.3:25/", "10.0.0.0/8")).toBe(false);
  expect(isRefused("http://11.1.2.3:25/", "10.0.0.0/8")).toBe(true);
  expect(isRefused("http://hooks.corp.example:25/", "*.corp.example")).toBe(false);
  expect(isRefused("http://corp.example:25/", "*.corp.example")).toBe(true);
  expect(isRefused("http://localhost/", "localhost, 127.0.0.0/8")).toBe(false);
  const metadata = "http://169.254.169.254/";
  expect(isRefused(metadata, "0.0.0.0/0 169.254.0.0/16")).toBe(true);
  expect(isRefused(metadata, "169.254.169.254")).toBe(false);
  expect(isRefused("http://224.0.0.1/", "0.0.0.0/0, 224.0.0.1")).toBe(true);
  expect(() =>
    checkAddress(parseAddress("169.254.169.254")!, "m.example", allow("m.example")),
  ).toThrow(OutboundError);
  expect(() =>
    checkAddress(parseAddress("10.0.0.1")!, "m.example", allow("m.example")),
  ).not.toThrow();
  expect(parseOutboundAllow("10.0.0.0/8, 300.1.1.1")).toEqual({ wrong: "300.1.1.1" });
  expect(parseOutboundAllow("10.0.0.0/33")).toEqual({ wrong: "10.0.0.0/33" });
  expect(parseOutboundAllow("http://x")).toEqual({ wrong: "http://x" });
});
