/**
 * What this node has heard of others in sealed echoes: bounded, first-hand, with its time.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { NodeContact, NodeEchoCommand } from "../mesh/command_types.ts";

/** What a node of our kind told of itself. */
export interface Told {
  /** When, ms of this node's clock. */
  readonly at: number;
  /** Name and version of its program; printable. */
  readonly software: string;
  /** Version of what nodes of this implementation agree on. */
  readonly protocol: number;
  /** Sets of pre-parameters ready. */
  readonly preParams: number;
  /** Version of presigning that it takes part in; 0 for none. */
  readonly presign: number;
  /** Version of `ceremony-standing` that it answers; 0 for none. */
  readonly standing: number;
  /** Its connections to others. */
  readonly contacts: ReadonlyMap<Identity, NodeContact>;
}

/** What is known of one node by echoes. */
export interface Contact {
  /** When it last answered an echo of ours, ms; `null` for never since our session ended. */
  answeredAt: number | null;
  /** Round trip of that answer, ms. */
  roundTripMs: number | null;
  /** How far its clock is ahead of ours, ms; accurate to half the round trip. */
  skewMs: number | null;
  /** Echoes of ours that it did not answer since. */
  unanswered: number;
  /** When we last asked, ms. */
  askedAt: number | null;
  /** What it told last. */
  told: Told | null;
}

/** Most nodes remembered; the one not heard of for longest goes first. */
export const MAX_CONTACTS = 2_048;
/** Most connections taken from one echo. */
export const MAX_TOLD = 1_024;
/** Longest name of a program that is kept. */
const MAX_SOFTWARE = 64;

/** Contacts by identity. */
export class ContactBook {
  readonly #contacts = new Map<Identity, Contact>();

  /** What is known of a node, if anything is. */
  get(identity: Identity): Readonly<Contact> | undefined {
    return this.#contacts.get(identity);
  }

  /** Notes that a node was asked; counts as unanswered until it answers. */
  asked(identity: Identity, now: number): void {
    const contact = this.#open(identity);
    contact.askedAt = now;
    contact.unanswered++;
  }

  /** Notes what a node tells of itself, in a question or an answer. */
  heard(identity: Identity, echo: NodeEchoCommand, now: number): void {
    this.#open(identity).told = {
      at: now,
      // deno-lint-ignore no-control-regex
      software: echo.software.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").slice(0, MAX_SOFTWARE),
      protocol: echo.protocol,
      preParams: echo.preParams,
      presign: echo.presign,
      standing: echo.standing,
      contacts: new Map(echo.contacts.slice(0, MAX_TOLD).map((c) => [c.identity, c])),
    };
  }

  /** Notes an answer to a question sent at `sentAt`. */
  answered(identity: Identity, echo: NodeEchoCommand, sentAt: number, now: number): void {
    this.heard(identity, echo, now);
    const contact = this.#open(identity);
    contact.answeredAt = now;
    contact.roundTripMs = now - sentAt;
    contact.skewMs = Number(echo.now) - (sentAt + now) / 2;
    contact.unanswered = 0;
  }

  /** Our session with a node ended: what it answered before is no news any more. */
  lost(identity: Identity): void {
    const contact = this.#contacts.get(identity);
    if (contact !== undefined) contact.answeredAt = null;
  }

  #open(identity: Identity): Contact {
    let contact = this.#contacts.get(identity);
    if (contact === undefined) {
      contact = {
        answeredAt: null,
        roundTripMs: null,
        skewMs: null,
        unanswered: 0,
        askedAt: null,
        told: null,
      };
      if (this.#contacts.size >= MAX_CONTACTS) {
        this.#contacts.delete(this.#contacts.keys().next().value!);
      }
    } else this.#contacts.delete(identity);
    this.#contacts.set(identity, contact);
    return contact;
  }
}
