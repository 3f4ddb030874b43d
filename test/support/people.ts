import {
  changeUser,
  createApiToken,
  createUser,
  loadUser,
  setPasswordByLink,
  setRepositoryRights,
} from "../../src/accounts/index.ts";
import type { Access } from "../../src/operations/index.ts";
import type { TestSite } from "./site.ts";

export const PASSWORD = "four random words do";

/** A user who can log in. Returns the user's id. */
export async function addUser(site: TestSite, name: string, role: "login" | "staff" | "admin"): Promise<number> {
  const { accounts } = site.context;
  const { link } = await createUser(accounts, { name, email: `${name}@example.org`, role });
  const secret = /activate\/[\w-]+\/([\w-]+)\//.exec(link)?.[1] ?? "";
  await setPasswordByLink(accounts, { secret, password: PASSWORD, peer: "test" });
  return (await loadUser(accounts.database.read, name)).id;
}

export async function giveRights(site: TestSite, user: string, repositoryId: string, rights: string[]): Promise<void> {
  await setRepositoryRights(site.context.accounts, { user, repositoryId, rights, grantedBy: "test" });
}

export async function disableUser(site: TestSite, name: string): Promise<void> {
  await changeUser(site.context.accounts, { name, state: "disabled" });
}

export async function addToken(site: TestSite, userId: number, access: Access, operations?: string[]): Promise<string> {
  const maker = { access: "admin", operations: undefined } as const;
  return (await createApiToken(site.context.accounts, { userId, name: "test", access, operations, days: 1, maker })).token;
}

/** Cookies and forms as a browser has them, without its looks. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { headers: { accept: "text/html", ...headers } });
  }

  /** With the token of the page that has the form, unless another is given. */
  async post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams(fields).toString();
    const type = "application/x-www-form-urlencoded";
    return this.#send(path, { method: "POST", body, headers: { accept: "text/html", "content-type": type, ...headers } });
  }

  /** The token in the forms of a page. */
  async token(path: string): Promise<string> {
    return /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(await (await this.get(path)).text())?.[1] ?? "";
  }

  async logIn(name: string, password = PASSWORD, next = "/accounts/profile/"): Promise<Response> {
    const csrfmiddlewaretoken = await this.token("/accounts/login/");
    return this.post("/accounts/login/", { username: name, password, next, csrfmiddlewaretoken });
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { "user-agent": "Mozilla/5.0 (test)", ...(init.headers as Record<string, string>), cookie };
    const response = await fetch(this.#url + path, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }
}
