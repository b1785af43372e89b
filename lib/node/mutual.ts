/**
 * Whether nodes are ready for each other: for each pair, what is known of the way between them.
 *
 * Of a node of this implementation it is known by its echoes. Of a Go node only what somebody sees
 * from outside: a session with it, or that its key is known. Where nothing speaks against a pair of
 * which nothing more can be known, it passes; the ceremony's own deadlines are left for that case.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Told } from "./contacts.ts";
import { ECHO_FRESH, ECHO_PROTOCOL } from "./echoes.ts";

/** What this node knows of another one. */
export interface NodeState {
  /** `transfunctioner`, `go`, or empty while that is not known. */
  readonly kind: "transfunctioner" | "go" | "";
  /** There is a session, and it has answered a ping. */
  readonly session: boolean;
  /** A sealed message could be sent to it, as far as anybody knows. */
  readonly known: boolean;
  /** Milliseconds since it last answered an echo; `null` if it did not since a session ended. */
  readonly answeredAgo: number | null;
  /** It left the last echo unanswered. */
  readonly silent: boolean;
  /** Milliseconds since anything came from it first-hand; `null` for never. */
  readonly heardAgo: number | null;
  /** What it told in its last echo. */
  readonly told: Told | null;
  /** Why this node keeps it out, or `null`. */
  readonly banned: string | null;
}

/** What is looked at. */
export interface ReadinessView {
  readonly self: Identity;
  readonly now: number;
  /** Sets of pre-parameters that this node has ready. */
  readonly preParams: number;
  readonly state: (identity: Identity) => NodeState;
}

/** Something that is in the way. */
export interface Fault {
  readonly a: Identity;
  /** The other end of the pair; `null` where only `a` is the matter. */
  readonly b: Identity | null;
  readonly reason: string;
}

/** What {@link assess} found. */
export interface Assessment {
  readonly faults: readonly Fault[];
  /** Pairs of which more could be known by asking. */
  readonly unsure: boolean;
}

type Verdict = "yes" | "unknown" | { readonly no: string };

/**
 * Looks at all pairs of `members`, this node being one of them or the one who asks.
 *
 * @param needPreParams members that need pre-parameters for what is planned.
 */
export function assess(
  view: ReadinessView,
  members: readonly Identity[],
  needPreParams: readonly Identity[] = [],
): Assessment {
  const faults: Fault[] = [];
  let unsure = false;
  const others = members.filter((m) => m !== view.self);
  const absent = new Set<Identity>();
  for (const member of others) {
    const verdict = ownVerdict(view.state(member));
    if (verdict === "unknown") unsure = true;
    else if (verdict !== "yes") {
      absent.add(member);
      faults.push({ a: view.self, b: member, reason: verdict.no });
    }
  }
  // Of a member that cannot be reached at all, its pairs with the others tell nothing more.
  const present = others.filter((m) => !absent.has(m));
  for (const [i, a] of present.entries()) {
    for (const b of present.slice(i + 1)) {
      const verdict = pairVerdict(view, a, b);
      if (verdict === "unknown") unsure ||= canTell(view, a) || canTell(view, b);
      else if (verdict !== "yes") faults.push({ a, b, reason: verdict.no });
    }
  }
  for (const member of needPreParams) {
    const told = member === view.self ? null : view.state(member).told;
    const sets = member === view.self ? view.preParams : told?.preParams;
    if (sets === 0 && !absent.has(member)) {
      faults.push({ a: member, b: null, reason: "has no pre-parameters ready" });
    }
  }
  return { faults, unsure };
}

/**
 * Picks members that are ready for this node and for each other, earlier ones first, at most
 * `most`.
 */
export function readyGroup(
  view: ReadinessView,
  members: readonly Identity[],
  most: number = members.length,
): Identity[] {
  const group: Identity[] = [];
  for (const member of members) {
    if (group.length >= most) break;
    if (member !== view.self && isNo(ownVerdict(view.state(member)))) continue;
    const fits = group.every((other) =>
      other === view.self || member === view.self || !isNo(pairVerdict(view, member, other))
    );
    if (fits) group.push(member);
  }
  return group;
}

/** The way between this node and another one. */
export function ownVerdict(state: NodeState): Verdict {
  if (state.banned !== null) return { no: state.banned };
  if (state.told !== null && state.told.protocol !== ECHO_PROTOCOL) {
    return {
      no: `it speaks version ${state.told.protocol} of the protocol among these nodes, this one ` +
        `${ECHO_PROTOCOL}`,
    };
  }
  const answered = state.answeredAgo !== null && state.answeredAgo <= ECHO_FRESH;
  // A session outlives the machine at its other end for a while; a Go node is never silent here.
  if (!(state.silent && state.kind === "transfunctioner") && (state.session || answered)) {
    return "yes";
  }
  if (!state.known) return { no: "nobody has told of it lately" };
  if (state.kind === "transfunctioner") return { no: silence(state.answeredAgo) };
  return "unknown";
}

function pairVerdict(view: ReadinessView, a: Identity, b: Identity): Verdict {
  const there = told(view, a, b);
  const back = told(view, b, a);
  if (there === "yes" || back === "yes") return "yes";
  if (there !== "unknown") return there;
  return back;
}

/** What `a` says of its way to `b`. */
function told(view: ReadinessView, a: Identity, b: Identity): Verdict {
  const account = view.state(a).told;
  if (account === null || view.now - account.at > ECHO_FRESH) return "unknown";
  const contact = account.contacts.get(b);
  if (contact === undefined) return "unknown";
  const age = contact.age < 0n ? null : Number(contact.age) + (view.now - account.at);
  if (age !== null && (contact.session || age <= ECHO_FRESH)) return "yes";
  if (!contact.known) return { no: `${a} has not heard of ${b}` };
  const kind = view.state(b).kind || contact.kind;
  if (kind !== "transfunctioner" || contact.session) return "unknown";
  return { no: `${a} has ${silence(age)} from ${b}` };
}

function silence(age: number | null): string {
  return age === null ? "no answer" : `no answer for ${Math.round(age / 1000)} s`;
}

function canTell(view: ReadinessView, node: Identity): boolean {
  return view.state(node).kind !== "go";
}

function isNo(verdict: Verdict): boolean {
  return typeof verdict === "object";
}
