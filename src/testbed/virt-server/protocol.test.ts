import { expect, test } from "vitest";
import { formatCommand, ProtocolError, parseCopy, parseRequest } from "./protocol.ts";

test("requests are words, each decoded on its own", () => {
  expect(parseRequest("open\n")).toEqual({ command: "open", args: [] });
  expect(parseRequest("copydown /a%20b/ /c%2Fd/")).toEqual({ command: "copydown", args: ["/a b/", "/c/d/"] });
  expect(parseRequest("  ")).toBeUndefined();
  expect(() => parseRequest("copyup %zz /x")).toThrow(URIError);
});

test("a command survives the way through a line of comma-separated words", () => {
  const argv = ["sh", "-c", "a, b\n%41"];

  const line = formatCommand(argv);

  expect(line).not.toMatch(/[\s%]41|\n| /);
  expect(line.split(",").map(decodeURIComponent)).toEqual(argv);
});

test("both paths of a copy are directories, or neither is", () => {
  expect(parseCopy(["/a/", "/b/"])).toEqual({ from: "/a/", to: "/b/", isDirectory: true });
  expect(parseCopy(["/a", "/b"])).toEqual({ from: "/a", to: "/b", isDirectory: false });
  for (const args of [["/a/", "/b"], ["/a"], []]) expect(() => parseCopy(args)).toThrow(ProtocolError);
});
