// deno-lint-ignore-file no-console -- prints its rows
/**
 * DKLs23, two-party multiplication by oblivious transfer, of the npm package that
 * `deno task bench --dkls` names, on the jobs of threshold ECDSA.
 *
 * Its licence allows non-commercial use only: it is no dependency of this project, nothing here
 * ships it, and it is fetched only when somebody asks for this comparison.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { inThisProcess, type Measured, type Row, rowOf } from "../rows.ts";

interface Message {
  readonly from_id: number;
  readonly to_id?: number;
  readonly payload: Uint8Array;
  clone(): Message;
}
interface Share {
  toBytes(): Uint8Array;
}
interface Session {
  createFirstMessage(): Message;
  handleMessages(messages: Message[], commitments?: unknown[]): Message[];
}
interface KeygenSession extends Session {
  calculateChainCodeCommitment(): Uint8Array;
  keyshare(): Share;
}
interface SignSession extends Session {
  lastMessage(hash: Uint8Array): Message;
  combine(messages: Message[]): Uint8Array[];
}
interface Library {
  readonly KeygenSession: new (n: number, t: number, id: number) => KeygenSession;
  readonly SignSession: new (share: Share, path: string) => SignSession;
  readonly Keyshare: { fromBytes(bytes: Uint8Array): Share };
}

const { values } = parseArgs({
  options: {
    package: { type: "string" },
    n: { type: "string", default: "3" },
    threshold: { type: "string", default: "1" },
    runs: { type: "string", default: "5" },
  },
});
const { KeygenSession, SignSession, Keyshare } = await import(values.package!) as Library;
const n = Number(values.n);
const threshold = Number(values.threshold);
const count = threshold + 1;
let messages = 0;
let bytes = 0;

/** What party `i` of `parties` receives. */
function mail(sent: readonly Message[], i: number): Message[] {
  const mine = sent.filter((m) => m.from_id !== i && (m.to_id ?? i) === i);
  messages += mine.length;
  for (const m of mine) bytes += m.payload.length;
  return mine.map((m) => m.clone());
}

function keygen(): Uint8Array[] {
  const parties = Array.from({ length: n }, (_, i) => new KeygenSession(n, count, i));
  const round = (sent: readonly Message[], commitments?: unknown[]) =>
    parties.flatMap((p, i) => p.handleMessages(mail(sent, i), commitments));
  const second = round(parties.map((p) => p.createFirstMessage()));
  const commitments = parties.map((p) => p.calculateChainCodeCommitment());
  const fourth = round(round(second), commitments);
  round(fourth);
  return parties.map((p) => p.keyshare().toBytes());
}

function sign(shares: readonly Uint8Array[]): void {
  const parties = shares.map((s) => new SignSession(Keyshare.fromBytes(s), "m"));
  const round = (sent: readonly Message[]) =>
    parties.flatMap((p, i) => p.handleMessages(mail(sent, i)));
  round(round(round(parties.map((p) => p.createFirstMessage()))));
  const last = parties.map((p) => p.lastMessage(new Uint8Array(32).fill(7)));
  for (const [i, p] of parties.entries()) p.combine(mail(last, i));
}

function counted(work: () => void): Promise<{ messages: number; bytes: number }> {
  messages = bytes = 0;
  work();
  return Promise.resolve({ messages, bytes });
}

let shares = keygen();
sign(shares.slice(0, count));
const made: Measured[] = [];
const signed: Measured[] = [];
for (let i = 0; i < Number(values.runs); i++) {
  made.push(await inThisProcess(n, () => counted(() => shares = keygen())));
  signed.push(await inThisProcess(count, () => counted(() => sign(shares.slice(0, count)))));
}
const of = "DKLs23, dkls-wasm-ll-node";
const rows: Row[] = [
  rowOf({ of, job: "ecdsa keygen", n, threshold }, made),
  rowOf({ of, job: `ecdsa sign, ${count} signers`, n, threshold }, signed),
];
console.log(JSON.stringify({ rows }));
