import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { PeerRecord } from "../../lib/mesh/commands.ts";
import {
  formatTxtRecord,
  forwardCheck,
  parseTxtRecord,
  reverseCheck,
  txtIdentity,
} from "../../lib/mesh/dns_txt.ts";
import {
  checkPeerAddress,
  checkPeerRecord,
  isUsableNaclKey,
  joinHostPort,
  splitHostPort,
} from "../../lib/mesh/records.ts";
import { vectorNode, vectors } from "./vectors.ts";

const A = vectors.identities.A.identity as Identity;
const B = vectors.identities.B.identity as Identity;

Deno.test("parseTxtRecord() gives the Go parser's results (group dns_txt_parsing)", () => {
  assert.equal(vectors.dns_txt_parsing.vectors.length, 11);
  for (const v of vectors.dns_txt_parsing.vectors) {
    const pairs = parseTxtRecord(v.txt);
    assert.equal(pairs !== null, v.ok, v.txt);
    if (pairs !== null) assert.deepEqual(Object.fromEntries(pairs), v.fields, v.txt);
  }
});

Deno.test("forwardCheck() and reverseCheck() decide as section 11 says", () => {
  const a = formatTxtRecord(A), b = formatTxtRecord(B);
  assert.equal(txtIdentity(a), A);
  assert.equal(txtIdentity(`v=transfunctioner; identity=${A.toUpperCase()}; port=1`), A);
  assert.equal(txtIdentity(`V=transfunctioner; identity=${A}`), null);
  assert.equal(txtIdentity(`v=transfunctioner2; identity=${A}`), null);
  assert.equal(txtIdentity("v=transfunctioner; identity=aa"), null);
  assert.equal(txtIdentity("v=transfunctioner"), null);
  assert.ok(forwardCheck([a], A));
  assert.ok(forwardCheck(["spf", "v=transfunctioner; identity=zz", a, b], A));
  assert.ok(!forwardCheck([b, a], A), "the first that announces an identity decides");
  assert.ok(!forwardCheck([], A));
  assert.ok(reverseCheck([a], A));
  assert.ok(!reverseCheck([b], A));
  assert.ok(!reverseCheck([a, a], A));
  assert.ok(!reverseCheck([], A));
});

Deno.test("checkPeerAddress() gives the Go node's verdicts (group peer_address_validation)", () => {
  assert.equal(vectors.peer_address_validation.vectors.length, 23);
  for (const v of vectors.peer_address_validation.vectors) {
    assert.equal(checkPeerAddress(v.address) === null, v.ok, v.address);
  }
  // Bytes count, not characters.
  assert.equal(checkPeerAddress("\u00e9".repeat(127) + ":1"), null);
  assert.notEqual(checkPeerAddress("\u00e9".repeat(128) + ":1"), null);
});

Deno.test("splitHostPort() splits as Go's net.SplitHostPort does", () => {
  assert.deepEqual(splitHostPort("[::1]:80"), { host: "::1", port: "80" });
  assert.deepEqual(splitHostPort("[fe80::1%eth0]:80"), { host: "fe80::1%eth0", port: "80" });
  assert.deepEqual(splitHostPort("h:80"), { host: "h", port: "80" });
  assert.deepEqual(splitHostPort(":80"), { host: "", port: "80" });
  assert.deepEqual(splitHostPort("[]:80"), { host: "", port: "80" });
  const bad = ["h", "[::1]", "[::1]80", "[::1:80", "::1]:80", "h]:1", "h[:1", "[a]b:1", "[[a]:1"];
  for (const address of [...bad, "[a]]:1", "h:1]", "h:[1", "a:b:1", ""]) {
    assert.equal(splitHostPort(address), null, address);
  }
  for (const [host, text] of [["h", "h:1"], ["::1", "[::1]:1"], ["1.2.3.4", "1.2.3.4:1"]]) {
    assert.equal(joinHostPort(host!, 1), text);
    assert.deepEqual(splitHostPort(text!), { host, port: "1" });
  }
});

Deno.test("checkPeerRecord() refuses records that must not be believed", () => {
  const good: PeerRecord = {
    identity: B,
    address: "b.example.org:45067",
    naclPub: vectorNode("B").naclPublic,
    version: 1,
    lastSeen: 1n,
    sessions: [],
  };
  assert.equal(checkPeerRecord(good, A), null);
  assert.equal(checkPeerRecord({ ...good, address: "" }, A), null);
  const refused: [Partial<PeerRecord>, RegExp][] = [
    [{ version: 2 }, /version/],
    [{ address: "h:0" }, /port/],
    [{ naclPub: new Uint8Array(0) }, /key/],
    [{ naclPub: new Uint8Array(32) }, /key/],
    [{ naclPub: new Uint8Array(33).fill(1) }, /key/],
    [{ identity: A }, /this node/],
    [{ identity: "0".repeat(40) as Identity }, /broadcast/],
  ];
  for (const [change, reason] of refused) {
    assert.match(checkPeerRecord({ ...good, ...change }, A) ?? "", reason);
  }
  assert.ok(isUsableNaclKey(good.naclPub));
});
