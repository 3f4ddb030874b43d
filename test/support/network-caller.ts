import type { Daemon } from "./daemon.ts";
import { Browser, PASSWORD } from "./people.ts";

/** Somebody with an account of a daemon, over the network: by REST with an API token, or as the original's clients call. */
export class NetworkCaller {
  readonly #daemon: Daemon;
  readonly #cookie: string;
  readonly #token: string;

  private constructor(daemon: Daemon, cookie: string, token: string) {
    this.#daemon = daemon;
    this.#cookie = cookie;
    this.#token = token;
  }

  /** The account's owner opens the link that the administrator gave, logs in, and makes a token. */
  static async make(daemon: Daemon, name: string, role: "login" | "staff" | "admin"): Promise<NetworkCaller> {
    const made = await daemon.command("user_create", name, `${name}@example.org`, "--role", role, "--json");
    const { pathname } = new URL((JSON.parse(made) as { link: string }).link);
    const browser = new Browser(daemon.url);
    const csrfmiddlewaretoken = await browser.token(pathname);
    await browser.post(pathname, { password: PASSWORD, password_again: PASSWORD, csrfmiddlewaretoken });
    await browser.logIn(name);

    const cookie = [...browser.cookies].map((pair) => pair.join("=")).join("; ");
    const headers = { cookie, "content-type": "application/json", "x-csrftoken": await browser.token("/accounts/profile/") };
    const body = JSON.stringify({ name: "test", access: role });
    const answer = await fetch(`${daemon.url}/api/v1/token-create`, { method: "POST", headers, body });
    return new NetworkCaller(daemon, cookie, ((await answer.json()) as { token: string }).token);
  }

  /** REST: asks with GET, changes with POST. */
  async ask(operation: string, args: Readonly<Record<string, string>> = {}): Promise<Response> {
    const query = new URLSearchParams(args).toString();
    return fetch(`${this.#daemon.url}/api/v1/${operation}?${query}`, { headers: this.#bearer() });
  }

  async change(operation: string, args: Readonly<Record<string, unknown>> = {}): Promise<Response> {
    const headers = { ...this.#bearer(), "content-type": "application/json" };
    return fetch(`${this.#daemon.url}/api/v1/${operation}`, { method: "POST", headers, body: JSON.stringify(args) });
  }

  /** The original's way: GET with a login session, and `confirm` for what changes something. */
  async call(name: string, args: Readonly<Record<string, string>> = {}): Promise<Response> {
    const query = new URLSearchParams({ ...args, confirm: name, output: "json" }).toString();
    return fetch(`${this.#daemon.url}/mini_buildd/api/${name}/?${query}`, { headers: { cookie: this.#cookie } });
  }

  #bearer(): Record<string, string> {
    return { authorization: `Bearer ${this.#token}` };
  }
}
