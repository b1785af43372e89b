import { compareBackends } from "./equivalence.ts";

for (let part = 0; part < 8; part++) {
  Deno.test(`both back-ends agree on 15,000 random and adversarial cases, part ${part}`, () => {
    compareBackends(`long ${part}`, 15_000);
  });
}
