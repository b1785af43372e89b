/**
 * Who is ready, for whom: joins sessions, gossip, echoes and bans.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { BanView } from "../mesh/bans.ts";
import type { Clock } from "../mesh/clock.ts";
import type { SessionView } from "../mesh/mesh.ts";
import type { Contact } from "./contacts.ts";
import { ECHO_RECENT, FAR_RECENT, isSilent } from "./echoes.ts";
import { NodeError } from "./errors.ts";
import {
  assess,
  type Assessment,
  type Fault,
  type NodeState,
  type ReadinessView,
  readyGroup,
} from "./mutual.ts";

/** What readiness needs of its surroundings. */
export interface ReadinessOptions {
  readonly self: Identity;
  readonly clock: Clock;
  readonly bans: BanView;
  readonly sessions: () => SessionView[];
  /** Nodes that gossip or a session has told of lately, so that they may be there. */
  readonly reachable: () => ReadonlySet<Identity>;
  readonly preParams: () => number;
  readonly echoes: {
    contact(identity: Identity): Readonly<Contact> | undefined;
    probe(nodes: readonly Identity[]): Promise<void>;
  };
}

/** Faults named in a message; the others are counted. */
const FAULTS_SHOWN = 4;

/** Answers who is ready. */
export class Readiness {
  readonly #o: ReadinessOptions;

  /** Looks at the given rooms whenever it is asked. */
  constructor(options: ReadinessOptions) {
    this.#o = options;
  }

  /** What is known now, for {@link assess} and {@link readyGroup}. */
  view(): ReadinessView {
    const { self, clock, bans, echoes } = this.#o;
    const now = clock.now();
    const reachable = this.#o.reachable();
    const sessions = new Map(this.#o.sessions().map((s) => [s.identity, s]));
    return {
      self,
      now,
      preParams: this.#o.preParams(),
      state: (identity) => {
        const session = sessions.get(identity);
        const contact = echoes.contact(identity);
        const told = contact?.told ?? null;
        const answeredAt = contact?.answeredAt ?? null;
        return {
          kind: session !== undefined
            ? session.ours ? "transfunctioner" : "go"
            : told === null
            ? ""
            : "transfunctioner",
          session: session !== undefined && session.lastPong !== null,
          known: session !== undefined || reachable.has(identity),
          answeredAgo: answeredAt === null ? null : now - answeredAt,
          silent: contact !== undefined && isSilent(contact, now, session?.lastSeen),
          heardAgo: session === undefined && answeredAt === null
            ? null
            : now - Math.max(session?.lastSeen ?? -Infinity, answeredAt ?? -Infinity),
          told,
          banned: bans.identity(identity),
        };
      },
    };
  }

  /** What is known of the pairs among `members` and this node, without asking anybody. */
  assess(members: readonly Identity[], needPreParams?: readonly Identity[]): Assessment {
    return assess(this.view(), members, needPreParams);
  }

  /** Members ready for this node and each other, earlier ones first. */
  group(members: readonly Identity[], most?: number): Identity[] {
    return readyGroup(this.view(), members, most);
  }

  /** Asks `nodes` about themselves and each other; waits a few seconds at the most. */
  probe(nodes: readonly Identity[]): Promise<void> {
    return this.#o.echoes.probe(nodes);
  }

  /**
   * Makes sure that `members` are ready for each other. Good news of the last seconds are believed;
   * all else is asked for first. Who needs pre-parameters is always asked.
   *
   * @throws {NodeError} TF-NOT-READY naming the pairs and what is in the way.
   */
  async require(
    members: readonly Identity[],
    needPreParams: readonly Identity[] = [],
  ): Promise<void> {
    const view = this.view();
    const first = assess(view, members, needPreParams);
    const recent = members.every((m) => m === view.self || isRecent(view.state(m)));
    if (first.faults.length === 0 && !first.unsure && recent && needPreParams.length === 0) return;
    await this.probe(members);
    const { faults } = this.assess(members, needPreParams);
    if (faults.length > 0) throw notReady(faults, this.#o.self);
  }
}

/**
 * Whether the last news of a node may stand for now. The end of a session tells at once that its
 * other end has died; of a node beyond the neighbours nothing tells but an answer.
 */
function isRecent({ session, heardAgo }: NodeState): boolean {
  return (heardAgo ?? Infinity) <= (session ? ECHO_RECENT : FAR_RECENT);
}

/** The first of `faults` in words, and how many more there are. */
export function faultsText(faults: readonly Fault[], self: Identity): string {
  const texts = faults.map(({ a, b, reason }) =>
    b === null ? `${name(a, self)} ${reason}` : `${name(a, self)} and ${name(b, self)}: ${reason}`
  );
  const more = texts.length - FAULTS_SHOWN;
  return `${texts.slice(0, FAULTS_SHOWN).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** The refusal for `faults`. */
export function notReady(faults: readonly Fault[], self: Identity): NodeError {
  const culprits = new Set(faults.flatMap(({ a, b }) => b === null ? [a] : [a, b]));
  if (faults.some(({ b }) => b !== null)) culprits.delete(self);
  return new NodeError(
    "TF-NOT-READY",
    `not ready: ${faultsText(faults, self)}`,
    {
      exit: 3,
      hint:
        "see `transfunctioner peers`; start or connect them first, or let --wait 300 ask again " +
        "until they are ready",
      culprits: [...culprits],
    },
  );
}

function name(identity: Identity, self: Identity): string {
  return identity === self ? "this node" : identity;
}
