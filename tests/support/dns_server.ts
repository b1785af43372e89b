/**
 * A DNS server on loopback for tests: answers TXT, PTR, A and AAAA questions from a table, over
 * UDP, and remembers what it was asked.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { concat, utf8 } from "../../lib/encoding/bytes.ts";

const TYPES = { A: 1, PTR: 12, TXT: 16, AAAA: 28 } as const;

/** Kinds of record. */
export type RecordKind = keyof typeof TYPES;

/** A running server. */
export interface DnsServer {
  /** UDP port on 127.0.0.1. */
  readonly port: number;
  /** Questions so far, as `TXT name`. */
  readonly asked: string[];
  /** Sets the records of a name; an empty list takes them away. */
  set(kind: RecordKind, name: string, records: readonly string[]): void;
  /** Never answers while set. */
  silent: boolean;
  /** Answers `SERVFAIL` while set. */
  failing: boolean;
  /** Stops it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a server on a free port. */
export async function startDnsServer(): Promise<DnsServer> {
  const table = new Map<string, readonly string[]>();
  const socket = createSocket("udp4");
  const server: Omit<DnsServer, "port"> & { port: number } = {
    port: 0,
    asked: [],
    silent: false,
    failing: false,
    set: (kind, name, records) => void table.set(`${kind} ${name.toLowerCase()}`, records),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
  socket.on("message", (query, from) => {
    const question = readQuestion(query);
    const kind = (Object.keys(TYPES) as RecordKind[]).find((k) => TYPES[k] === question.type);
    server.asked.push(`${kind ?? question.type} ${question.name}`);
    if (server.silent) return;
    const records = kind === undefined ? [] : table.get(`${kind} ${question.name}`) ?? [];
    const known = [...table].some(([key, list]) =>
      list.length > 0 && key.endsWith(` ${question.name}`)
    );
    // 0 no error, 2 server failure, 3 no such name.
    const code = server.failing ? 2 : known ? 0 : 3;
    const answers = server.failing || kind === undefined ? [] : records.map((r) => answer(kind, r));
    const header = new Uint8Array(12);
    const view = new DataView(header.buffer);
    header.set(query.subarray(0, 2));
    view.setUint16(2, 0x8580 | code);
    view.setUint16(4, 1);
    view.setUint16(6, answers.length);
    socket.send(concat(header, question.bytes, ...answers), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  server.port = socket.address().port;
  return server;
}

function readQuestion(query: Uint8Array): { name: string; type: number; bytes: Uint8Array } {
  const labels: string[] = [];
  let at = 12;
  while (query[at] !== 0) {
    const length = query[at]!;
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  const type = query[at + 1]! << 8 | query[at + 2]!;
  const bytes = new Uint8Array(query.subarray(12, at + 5));
  return { name: labels.join(".").toLowerCase(), type, bytes };
}

/** One resource record for the name in the question, to which it points back. */
function answer(kind: RecordKind, record: string): Uint8Array {
  const data = dataOf(kind, record);
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  view.setUint16(0, 0xc00c);
  view.setUint16(2, TYPES[kind]);
  view.setUint16(4, 1);
  view.setUint32(6, 60);
  view.setUint16(10, data.length);
  return concat(head, data);
}

function dataOf(kind: RecordKind, record: string): Uint8Array {
  switch (kind) {
    case "A":
      return Uint8Array.from(record.split(".").map(Number));
    case "AAAA":
      // Written in full: eight groups.
      return Uint8Array.from(
        record.split(":").flatMap((g) => [parseInt(g, 16) >> 8, parseInt(g, 16) & 255]),
      );
    case "PTR":
      return concat(...record.split(".").map(text), new Uint8Array(1));
    case "TXT": {
      const bytes = utf8(record);
      const parts: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += 255) {
        const part = bytes.subarray(at, at + 255);
        parts.push(concat(Uint8Array.of(part.length), part));
      }
      return concat(...parts);
    }
  }
}

function text(label: string): Uint8Array {
  return concat(Uint8Array.of(label.length), utf8(label));
}
