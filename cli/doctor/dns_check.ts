/**
 * Checks what the DNS says of this node and of the peers that it is configured with.
 *
 * @module
 */

import type { Identity } from "../../lib/crypto/identity.ts";
import { formatTxtRecord, forwardCheck, txtIdentity } from "../../lib/mesh/dns_txt.ts";
import { isIpAddress, type Resolver } from "../../lib/mesh/resolver.ts";
import type { Config } from "../../lib/node/config.ts";
import { type Finding, finding } from "./finding.ts";

/** Looks at this node's own records and at the names of configured peers. */
export async function checkDns(
  config: Config,
  identity: Identity | null,
  resolver: Resolver,
): Promise<Finding[]> {
  if (config.dns.value === "off") {
    return [finding("dns", "skip", "peers' names are not checked (TRF_DNS is off)")];
  }
  const names = [...config.connect.value, ...config.seeds.value].map((peer) => peer.host)
    .filter((host) => !isIpAddress(host));
  return (await Promise.all([
    ...(config.hostname.value === ""
      ? []
      : [ownRecords(config.hostname.value, identity, resolver)]),
    ...[...new Set(names)].map((name) => peerName(name, resolver)),
  ])).flat();
}

async function ownRecords(
  name: string,
  identity: Identity | null,
  resolver: Resolver,
): Promise<Finding[]> {
  const out: Finding[] = [];
  try {
    const addresses = await resolver.addresses(name);
    out.push(
      addresses.length === 0
        ? finding("dns", "fail", `${name} has no address`, "add an A or AAAA record for it")
        : finding("dns", "ok", `${name} is ${addresses.join(", ")}`),
    );
    if (identity === null) {
      out.push(finding("dns", "skip", `the TXT record of ${name}: the identity is not known`));
      return out;
    }
    const wanted = formatTxtRecord(identity);
    const records = await resolver.txt(name);
    const others = records.map(txtIdentity).filter((found) => found !== null);
    out.push(
      forwardCheck(records, identity)
        ? finding("dns", "ok", `the TXT record of ${name} names this node`)
        : finding(
          "dns",
          "fail",
          others.length === 0
            ? `${name} has no TXT record with an identity: peers that check will refuse this node`
            : `the first TXT record of ${name} names another node, ${others[0]}`,
          `make it: ${name}. IN TXT "${wanted}"`,
        ),
    );
  } catch (error) {
    out.push(unanswered(name, error));
  }
  return out;
}

async function peerName(name: string, resolver: Resolver): Promise<Finding[]> {
  try {
    const addresses = await resolver.addresses(name);
    if (addresses.length > 0) return [];
    return [finding("dns", "warn", `the peer's name ${name} has no address`, "check TRF_CONNECT")];
  } catch (error) {
    return [unanswered(name, error)];
  }
}

function unanswered(name: string, error: unknown): Finding {
  const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return finding(
    "dns",
    "warn",
    `no answer about ${name}: ${why}`,
    "check the name server, or name another one with TRF_DNS_SERVER",
  );
}
