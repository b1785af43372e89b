/**
 * Entry of the permissionless worker. One worker does one job: its first message says
 * which, or lets it rehearse until there is one. The job of making pre-parameters has several steps.
 *
 * @module
 */

import { systemRandom } from "../arith/random.ts";
import { useSmallTables } from "../crypto/curve.ts";
import { VERSION } from "../version.ts";
import { checkPreParams, describeShare } from "./describe.ts";
import { makePlan } from "./plan.ts";
import { PrimeSearch } from "./prime_search.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { rehearse } from "./rehearsal.ts";
import { SearchWord } from "./search_word.ts";
import { failMessage, Session } from "./session.ts";

/** The part of a worker's global scope that is used here. */
interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = self as unknown as Scope;
let session: Session | null = null;

function post(message: FromWorker): void {
  scope.postMessage(message);
}

function take(message: ToWorker): void {
  switch (message.do) {
    case "run":
      session = new Session(makePlan(message.job, message.storeKey, systemRandom), post);
      void session.run();
      break;
    case "hear":
    case "stored":
      session?.handle(message);
      break;
    case "rehearse":
      rehearse(systemRandom).then(() => post({ did: "rehearse" }), fail);
      break;
    case "describe":
      post({
        did: "describe",
        description: describeShare(message.request, message.storeKey, systemRandom),
      });
      break;
    case "check":
      checkPreParams(message.preParams, message.storeKey, systemRandom);
      post({ did: "check" });
      break;
    case "search":
      new PrimeSearch(message.storeKey, systemRandom, post).search(new SearchWord(message.word));
      break;
    case "assemble":
      new PrimeSearch(message.storeKey, systemRandom, post).assemble(message.primes);
      break;
  }
}

function fail(error: unknown): void {
  post(failMessage(error, 0, () => undefined));
}

scope.onmessage = (event) => {
  try {
    take(event.data);
  } catch (error) {
    fail(error);
  }
};

// The runtime would print what nobody caught, values and all.
addEventListener("error", (event) => {
  event.preventDefault();
  fail(event.error);
});
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fail(event.reason);
});

useSmallTables();
post({ did: "load", version: VERSION });
