import { expect, test } from "vitest";
import { filterThrough } from "./filter.ts";

const MEGABYTE = Buffer.alloc(1024 ** 2, "x");

test("a stream far larger than the pipes goes through whole", async () => {
  let sizeBytes = 0;

  for await (const chunk of filterThrough({ argv: ["cat"], input: repeat(MEGABYTE, 8) })) sizeBytes += chunk.length;

  expect(sizeBytes).toBe(8 * MEGABYTE.length);
});

test("a program that ends without reading its input is judged by its status", async () => {
  await expect(collect(filterThrough({ argv: ["true"], input: repeat(MEGABYTE, 8) }))).resolves.toBe("");
  await expect(collect(filterThrough({ argv: ["false"], input: repeat(MEGABYTE, 8) }))).rejects.toMatchObject({
    code: "COMMAND_FAILED",
    facts: { reason: "exited", exitCode: 1 },
  });
});

test("a program that does not exist is unavailable", async () => {
  const output = filterThrough({ argv: ["/nonexistent/program"], input: repeat(MEGABYTE, 1) });

  await expect(collect(output)).rejects.toMatchObject({ kind: "unavailable", facts: { reason: "not-started" } });
});

test("the error of the input is what the reader sees", async () => {
  const broken = (async function* () {
    yield MEGABYTE;
    throw new Error("the disk is gone");
  })();

  await expect(collect(filterThrough({ argv: ["cat"], input: broken }))).rejects.toThrow("the disk is gone");
});

test("leaving early ends a program that would never end", async () => {
  const output = filterThrough({ argv: ["cat", "/dev/zero"], input: repeat(MEGABYTE, 1) });

  const first = await output.next();
  await output.return(undefined);

  expect(first.done).toBe(false);
});

test("an abort ends the program", async () => {
  const controller = new AbortController();
  const output = filterThrough({ argv: ["cat", "/dev/zero"], input: repeat(MEGABYTE, 1), signal: controller.signal });
  await output.next();

  controller.abort();

  await expect(collect(output)).rejects.toMatchObject({ facts: { reason: "signalled" } });
});

test("nothing runs under a signal that was aborted before", async () => {
  const output = filterThrough({ argv: ["cat", "/dev/zero"], input: repeat(MEGABYTE, 1), signal: AbortSignal.abort() });

  await expect(collect(output)).rejects.toMatchObject({ facts: { reason: "signalled" } });
});

async function* repeat(chunk: Buffer, count: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index += 1) yield chunk;
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) text += chunk.length > 1000 ? "…" : chunk.toString();
  return text;
}
