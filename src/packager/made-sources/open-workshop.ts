import type { EndedCommand } from "../../runtime/index.ts";
import { AppError } from "../../runtime/index.ts";
import type { PackagerContext } from "../packager-context.ts";

/** A testbed session in which sources are unpacked and packed: hostile ones, too. It has dpkg-dev and no network. */
export interface Workshop {
  /** As an ordinary user, never through a shell of ours. */
  run(command: WorkshopCommand): Promise<EndedCommand>;
  /** The content of a directory of ours to a new one inside, which that user owns. */
  copyIn(fromDirectory: string, toDirectory: string): Promise<void>;
  /** One file; what comes is hostile. */
  copyOut(insidePath: string, toPath: string, options: { readonly sizeBytesMax: number }): Promise<void>;
  close(): Promise<void>;
}

export interface WorkshopCommand {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  readonly timeoutMs: number;
  readonly outputBytesMax?: number | undefined;
  readonly signal: AbortSignal;
}

export type OpenWorkshop = (codename: string, signal: AbortSignal) => Promise<Workshop>;

/** Throws WORKSHOP_MISSING (conflict) where nothing is built. */
export function requireWorkshop({ own }: Pick<PackagerContext, "own">): OpenWorkshop {
  if (own.openWorkshop !== undefined) return own.openWorkshop;

  throw new AppError({
    kind: "conflict",
    code: "WORKSHOP_MISSING",
    message: "this server has no testbeds, and sources are only unpacked in one",
    hint: "Let it build: [builder] parallel = 1 in etc/mini-buildd.toml",
  });
}
