/**
 * How often a node that is not a neighbour is spoken of, and how long that holds.
 *
 * @module
 */

import {
  CLAIM_LIFE,
  FAR_LIFE,
  FAR_REPEAT_PER_NODE,
  GOSSIP_INTERVAL,
  PEER_RECORD_LIFE,
} from "./limits.ts";

/** Distance of the repetitions of a far node's record where so many nodes are known, ms. */
export function farRepeat(nodes: number): number {
  return Math.max(GOSSIP_INTERVAL, nodes * FAR_REPEAT_PER_NODE);
}

/** Life of what is heard of a far node, ms; never below that of a Go node. */
export function farLife(nodes: number): number {
  return Math.max(PEER_RECORD_LIFE, farRepeat(nodes) * FAR_LIFE);
}

/** Life of what one neighbour said of a far node's links, ms; see {@link CLAIM_LIFE}. */
export function claimLife(nodes: number): number {
  return Math.max(farLife(0), farRepeat(nodes) * CLAIM_LIFE);
}
