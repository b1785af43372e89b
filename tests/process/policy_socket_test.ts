/**
 * A consent program behind a Unix socket. The permission to use one names its path, which the
 * permission set of the other tests cannot.
 */
import { dialUnix } from "../../lib/node/deno_net.ts";
import { asksBoth, consentServer } from "../support/consent_server.ts";

Deno.test("HttpPolicy gets its answer from a real server by a Unix socket", async () => {
  const directory = await Deno.makeTempDir();
  const socket = `${directory}/consent.sock`;
  try {
    await using _server = consentServer({ path: socket });
    await asksBoth({ target: { via: "unix", socket, path: "/" }, dial: () => dialUnix(socket) });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
