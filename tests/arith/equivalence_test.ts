import { compareBackends } from "./equivalence.ts";

Deno.test("both back-ends agree on 1,000 random and adversarial powers and products", () => {
  compareBackends("quick", 1_000);
});
