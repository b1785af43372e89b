/**
 * Shortest ways through the mesh (specification: mesh section 9.5 as intended).
 *
 * For each destination a breadth-first search runs from there towards this node over the believed
 * links, and never through this node. Its result is kept until the topology changes. Where no way
 * is known the answer is `null`, and the message floods.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Adjacency } from "./adjacency.ts";
import type { Router } from "./forwarding.ts";
import { ROUTE_CHOICES, ROUTES } from "./limits.ts";

/** What routing needs of its surroundings. */
export interface RoutingOptions {
  /** This node's name. */
  readonly self: Identity;
  /** Who has a session with whom. */
  readonly adjacency: Adjacency;
  /** The peers we have a session with. */
  readonly neighbours: () => Iterable<Identity>;
}

/** A neighbour and the number of links from this node to the destination through it. */
export interface Way {
  /** The next hop. */
  readonly hop: Identity;
  /** At least 2. */
  readonly links: number;
}

/** Routes by shortest path. */
export class ShortestPaths implements Router {
  readonly #o: RoutingOptions;
  readonly #ways = new Map<Identity, readonly Way[]>();
  #generation = -1;

  /** Routes over the given links. */
  constructor(options: RoutingOptions) {
    this.#o = options;
  }

  /** See {@link Router.nextHop}. */
  nextHop(destination: Identity, from: Identity | null): Identity | null {
    return this.ways(destination).find((way) => way.hop !== from)?.hop ?? null;
  }

  /** The best neighbours to send through, shortest way first; empty if none is known. */
  ways(destination: Identity): readonly Way[] {
    const { generation } = this.#o.adjacency;
    if (generation !== this.#generation) {
      this.#ways.clear();
      this.#generation = generation;
    }
    let ways = this.#ways.get(destination);
    if (ways === undefined) {
      // Destinations that strangers invent must not fill the memory.
      if (this.#ways.size >= ROUTES) this.#ways.clear();
      this.#ways.set(destination, ways = this.#search(destination));
    }
    return ways;
  }

  #search(destination: Identity): Way[] {
    const { self, adjacency } = this.#o;
    const graph = adjacency.graph();
    const neighbours = new Set(this.#o.neighbours());
    const seen = new Set([self, destination]);
    const found: Way[] = [];
    let level = graph.has(destination) ? [destination] : [];
    for (let links = 2; level.length > 0 && found.length < ROUTE_CHOICES; links++) {
      const next: Identity[] = [];
      for (const node of level) {
        for (const other of graph.get(node) ?? []) {
          if (seen.has(other)) continue;
          seen.add(other);
          next.push(other);
        }
      }
      const hops = next.filter((node) => neighbours.has(node));
      // Equal ways are told apart by destination, so that no neighbour carries all of them.
      hops.sort((a, b) => spread(a, destination) - spread(b, destination));
      found.push(...hops.map((hop) => ({ hop, links })));
      level = next;
    }
    return found.slice(0, ROUTE_CHOICES);
  }
}

/** A number that looks random and is the same for the same pair. */
function spread(hop: Identity, destination: Identity): number {
  // FNV-1a; nothing hangs on its quality.
  let hash = 0x811c9dc5;
  for (const text of [hop, destination]) {
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    }
  }
  return hash >>> 0;
}
