/**
 * The mesh vectors, typed loosely: every test names the group it reads.
 *
 * @module
 */

import mesh from "../../testdata/mesh.json" with { type: "json" };
import { fromHex } from "../../lib/encoding/bytes.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";

/** The known answers of the mesh (mesh section 22). */
export const vectors = mesh;

/** The named throwaway node key of the vectors. */
export function vectorNode(name: "A" | "B" | "C" | "key_one"): NodeIdentity {
  return NodeIdentity.fromPrivateKey(fromHex(vectors.identities[name].private_key));
}
