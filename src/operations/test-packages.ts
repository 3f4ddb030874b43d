import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag, list } from "./parameter.ts";
import { madeView } from "./ports.ts";

export const testPackages = defineOperation({
  name: "test_packages",
  summary: "Build test packages: mbd-test-archall and mbd-test-cpp must be installed, mbd-test-ftbfs must fail",
  access: "admin",
  changesState: true,
  mayTakeLong: true,
  parameters: {
    sources: list("Only these test packages", { short: "S" }),
    distributions: list("Only for these distributions (default: all experimental ones)", { short: "D" }),
    auto_ports: list("With automatic ports to these distributions", { short: "A" }),
    with_check: flag("Wait for the results, and check them", { short: "c" }),
  },
  result: z.array(madeView),
});
