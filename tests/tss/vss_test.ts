import assert from "node:assert/strict";
import { type Curve, ed25519, secp256k1 } from "../../lib/crypto/curve.ts";
import { checkInt } from "../../lib/tss/fields.ts";
import { parsePoint } from "../../lib/tss/points.ts";
import {
  evaluateCommitments,
  lagrangeAtZero,
  reconstruct,
  shareSecret,
  verifyShare,
} from "../../lib/tss/vss.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { big, casesOf, list, obj, sub, testCases } from "./core_vectors.ts";

const kinds: [string, Curve][] = [["vss_share", secp256k1], ["vss_share_ed25519", ed25519]];

for (const [kind, curve] of kinds) {
  testCases(kind, (inputs, json) =>
    verifyShare(
      curve,
      Number(big(inputs, "threshold")),
      checkInt(obj(json).get("Share"), "Share", { min: 1n, max: curve.q - 1n }),
      big(inputs, "id"),
      list(inputs, "vs").map((p, i) => parsePoint(p, curve, `vs[${i}]`)),
    ));

  Deno.test(`${kind} vector: the shares interpolate to the secret`, () => {
    for (const vector of casesOf(kind)) {
      const secrets = sub(vector, "secrets");
      const ids = list(secrets, "ids") as bigint[];
      const shares = (list(secrets, "shares") as bigint[]).map((share, i) => ({
        id: ids[i]!,
        share,
      }));
      const threshold = Number(big(sub(vector, "inputs"), "threshold"));
      const secret = (list(secrets, "poly") as bigint[])[0]!;
      assert.equal(reconstruct(curve, threshold, shares), secret);
      assert.equal(reconstruct(curve, threshold, shares.slice(-threshold - 1)), secret);
      assert.throws(() => reconstruct(curve, threshold, shares.slice(0, threshold)), RangeError);
    }
  });

  Deno.test(`${curve.name}: shareSecret() makes shares that verify and reconstruct`, () => {
    const ids = [11n, 2n ** 159n + 5n, curve.q + 3n, 4n];
    const sharing = shareSecret(curve, 2, 424242n, ids, seededRandom(kind));
    assert.equal(sharing.commitments.length, 3);
    assert(sharing.commitments[0]!.equals(curve.base.multiply(424242n)));
    ids.forEach((id, i) => {
      const share = sharing.shares[i]!;
      assert(verifyShare(curve, 2, share, id, sharing.commitments));
      assert(!verifyShare(curve, 2, share + 1n, id, sharing.commitments));
      assert(!verifyShare(curve, 1, share, id, sharing.commitments));
      assert(!verifyShare(curve, 2, share, id + 1n, sharing.commitments));
    });
    const some = [3, 0, 2].map((i) => ({ id: ids[i]!, share: sharing.shares[i]! }));
    assert.equal(reconstruct(curve, 2, some), 424242n);
  });

  Deno.test(`${curve.name}: shareSecret() refuses bad thresholds, secrets and ids`, () => {
    const random = seededRandom(kind);
    const share = (t: number, secret: bigint, ids: bigint[]) => () =>
      shareSecret(curve, t, secret, ids, random);
    for (
      const bad of [
        share(0, 1n, [1n, 2n]),
        share(2, 1n, [1n, 2n]),
        share(0.5, 1n, [1n, 2n]),
        share(1, 0n, [1n, 2n]),
        share(1, curve.q, [1n, 2n]),
        share(1, 1n, [0n, 2n]),
        share(1, 1n, [curve.q, 2n]),
        share(1, 1n, [2n, 2n]),
        share(1, 1n, [2n, curve.q + 2n]),
      ]
    ) assert.throws(bad, RangeError);
  });

  Deno.test(`${curve.name}: verifyShare() refuses points of the other curve`, () => {
    const other = curve === secp256k1 ? ed25519 : secp256k1;
    assert(!verifyShare(curve, 1, 5n, 1n, [other.base, other.base]));
    assert(!verifyShare(curve, 1, 5n, 1n, [curve.base, other.base]));
  });

  Deno.test(`${curve.name}: evaluateCommitments() gives null when a running sum vanishes`, () => {
    assert.equal(evaluateCommitments([], 3n), null);
    assert.equal(evaluateCommitments([curve.base.multiply(-3n), curve.base], 3n), null);
    assert(evaluateCommitments([curve.base, curve.base], 3n)!.equals(curve.base.multiply(4n)));
  });

  Deno.test(`${curve.name}: lagrangeAtZero() refuses equal keys and an absent index`, () => {
    assert.throws(() => lagrangeAtZero(curve, [1n, curve.q + 1n], 0), RangeError);
    assert.throws(() => lagrangeAtZero(curve, [1n, 2n], 2), RangeError);
  });
}

Deno.test("a share is the polynomial's value: the specification's example", () => {
  // a = (11, 13, 17) at x = 5 gives 501.
  const commitments = [11n, 13n, 17n].map((a) => secp256k1.base.multiply(a));
  assert(verifyShare(secp256k1, 2, 501n, 5n, commitments));
  assert(!verifyShare(secp256k1, 2, 502n, 5n, commitments));
});

Deno.test("lagrangeAtZero() weighs two points of a line", () => {
  // Through (1, f1) and (2, f2): f(0) = 2·f1 − f2.
  assert.equal(lagrangeAtZero(secp256k1, [1n, 2n], 0), 2n);
  assert.equal(lagrangeAtZero(secp256k1, [1n, 2n], 1), secp256k1.q - 1n);
});
