import { hostname } from "node:os";
import type { Command } from "commander";
import { type ApiClient, Client, logIn } from "../client/index.ts";
import { tokenRevoke } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { CommandContext } from "./command-context.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

const DAYS = 90;

/** `login` and `logout`: a token for this instance, in a file that nobody else may read. */
export function addLoginCommands(program: Command, ctx: CommandContext): void {
  program
    .command("login")
    .description("Ask for name and password once, and keep an API token for this instance")
    .argument("[user]", "name of the user; default: of the endpoint, else asked for")
    .option("-d, --days <integer>", "the token ends after that many days", String(DAYS))
    .action((user: string | undefined, options: { days: string }) => keepToken(ctx, user, Number(options.days)));
  program
    .command("logout")
    .description("Take the kept API token of this instance back, and forget it")
    .action(() => forgetToken(ctx));
}

async function keepToken(ctx: CommandContext, user: string | undefined, days: number): Promise<void> {
  const api = await ctx.connectAnonymously();
  const { origin } = api.endpoint.url;
  const made = await askAndLogIn(api, { user, days });
  await ctx.credentials.store(origin, { user: made.user, tokenId: made.id, token: made.token });
  ctx.note(`logged in at ${origin} as ${made.user}; the token is in ${ctx.credentials.path}\n`);
}

async function forgetToken(ctx: CommandContext): Promise<void> {
  const { endpoint } = await ctx.connectAnonymously();
  const { origin } = endpoint.url;
  const known = await ctx.credentials.find(origin);
  if (known === undefined) {
    ctx.note(`no token for ${origin} is kept\n`);
    return;
  }
  const client = await ctx.connect({ isForOwner: false });
  await client.call(tokenRevoke, { id: known.tokenId }).catch((error: unknown) => {
    // Revoked elsewhere or too old: gone is what was wanted.
    if (!(error instanceof AppError) || !["unauthenticated", "not-found"].includes(error.kind)) throw error;
  });
  await ctx.credentials.remove(origin);
  ctx.note(`logged out at ${origin}\n`);
}

interface MadeToken {
  readonly user: string;
  readonly id: string;
  readonly token: string;
}

/** Throws TERMINAL_MISSING (unauthenticated) where nobody can be asked. */
export async function askAndLogIn(
  api: ApiClient,
  { user: given, days }: { readonly user?: string | undefined; readonly days: number },
): Promise<MadeToken> {
  const terminal = openTerminal();
  if (terminal === undefined) throw terminalMissing();
  try {
    const user = given ?? (await userOf(api, terminal));
    const password = await terminal.askSecret(`password of ${user} at ${api.endpoint.url.origin}: `);
    const made = await logIn(api, { user, password, tokenName: `mini-buildd on ${hostname()}`, days });
    return { user, ...made };
  } finally {
    terminal.close();
  }
}

async function userOf({ endpoint }: ApiClient, terminal: Terminal): Promise<string> {
  if (endpoint.kind === "network" && endpoint.user !== undefined) return endpoint.user;
  return terminal.ask(`user at ${endpoint.url.origin}: `);
}

/** Somebody at a terminal was refused: let them say who they are, for this one command. */
export async function withPassword(api: ApiClient, run: (client: Client) => Promise<unknown>): Promise<unknown> {
  const { id, token } = await askAndLogIn(api, { days: 1 });
  const client = new Client(api.withToken(token));
  try {
    return await run(client);
  } finally {
    await client.call(tokenRevoke, { id }).catch(() => {
      // It ends within a day anyway.
    });
  }
}

function terminalMissing(): AppError {
  return new AppError({
    kind: "unauthenticated",
    code: "TERMINAL_MISSING",
    message: "there is no terminal to ask for a password on",
    hint: "Log in once where there is one (mini-buildd login), or give a token as MINI_BUILDD_TOKEN",
  });
}
