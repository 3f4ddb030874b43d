import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatReply, reply } from "./reply.ts";

test("one line, and several as FEAT has them", () => {
  expect(formatReply(reply(200, "Fine"))).toBe("200 Fine\r\n");
  expect(formatReply(reply(211, "Extensions:", "EPSV", "End"))).toBe("211-Extensions:\r\n EPSV\r\n211 End\r\n");
});

test("nothing in a text can end the line and forge another reply", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(formatReply(reply(550, text))).toMatch(/^550 [^\r\n]*\r\n$/);
    }),
  );
});
