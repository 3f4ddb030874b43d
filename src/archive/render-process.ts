/**
 * The process that renders publications, so that the event loop of the daemon never waits for hashing, compressing or
 * a large query, and has not the memory of all indexes. Started by Renderer; answers requests one after the other.
 */
import { type DatabaseLocation, type DatabaseReader, openDatabaseReader } from "../database/index.ts";
import { AppError, errorChain, serveParent, silentLogger } from "../runtime/index.ts";
import { IndexMemory } from "./index-memory.ts";
import { type RenderedGeneration, type RenderRequest, renderGeneration } from "./render.ts";

export interface RenderQuestion {
  readonly id: number;
  /** The same each time. */
  readonly location: DatabaseLocation;
  readonly request: RenderRequest;
}

export type RenderAnswer =
  | { readonly id: number; readonly release: string }
  | { readonly id: number; readonly rendered: RenderedGeneration; readonly heldBytes: number }
  | { readonly id: number; readonly failure: { readonly isTemporary: boolean; readonly chain: readonly string[] } };

let reader: DatabaseReader | undefined;
const memory = new IndexMemory();
let last: Promise<void> = Promise.resolve();

const parent = serveParent((message) => {
  const question = message as RenderQuestion;
  last = last.then(() => answer(question)).then(() => memory.keep(question.request));
});

async function answer({ id, location, request }: RenderQuestion): Promise<void> {
  try {
    // Slow queries are what this process is for.
    reader ??= openDatabaseReader(location, { logger: silentLogger });
    const indexes = await memory.take(request);
    const onRelease = (release: string): void => post({ id, release });
    const rendered = await renderGeneration({ db: reader.read, indexes, onRelease }, request);
    memory.put(request, indexes);
    post({ id, rendered, heldBytes: memory.sizeBytes });
  } catch (error) {
    post({ id, failure: describeFailure(error) });
  }
}

function post(message: RenderAnswer): void {
  parent.send(message);
}

function describeFailure(error: unknown): { isTemporary: boolean; chain: string[] } {
  const isDiskFull = ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
  return { isTemporary: isDiskFull || (error instanceof AppError && error.kind === "unavailable"), chain: errorChain(error) };
}
