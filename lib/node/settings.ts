/**
 * From the configuration as read to what the daemon is started with.
 *
 * @module
 */

import { parseIdentity } from "../crypto/identity.ts";
import { type Config, formatAddress } from "./config.ts";
import type { DaemonSettings } from "./daemon_settings.ts";

/** Picks the daemon's settings out of `config`. */
export function daemonSettings(config: Config): DaemonSettings {
  return {
    listen: config.listenAddress.value,
    hostname: config.hostname.value === "" ? null : config.hostname.value,
    connect: config.connect.value.map(formatAddress),
    peersWanted: config.peersWanted.value,
    sessionsPerAddress: config.sessionsPerIp.value,
    seeds: config.seeds.value.map(formatAddress),
    dns: config.dns.value,
    dnsServer: config.dnsServer.value,
    admin: config.adminAddress.value,
    adminKeys: config.adminKeys.value.map(parseIdentity),
    metrics: config.prometheusAddress.value,
    statusPage: config.statusPage.value,
    initiators: config.initiators.value.map(parseIdentity),
    consent: config.consent.value,
    consentUrl: config.consentUrl.value,
    consentTimeoutMs: config.consentTimeout.value,
    transcripts: config.transcripts.value,
    debugInitiation: config.debugInitiation.value,
    roundTimeoutMs: config.roundTimeout.value,
    ceremonyTimeoutMs: config.ceremonyTimeout.value,
    signRetries: config.signRetries.value,
  };
}
