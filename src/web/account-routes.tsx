import type { Hono } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import type { JSX } from "hono/jsx/jsx-runtime";
import {
  askForPasswordReset,
  changePassword,
  findLinkUser,
  logIn,
  logOut,
  register,
  setPasswordByLink,
} from "../accounts/index.ts";
import { AppError } from "../runtime/index.ts";
import { checkFormToken, formToken, isSecure } from "./form-token.ts";
import { links } from "./links.ts";
import { DonePage, type FormState, LoginPage, RegisterPage, ResetPage, SetPasswordPage } from "./login-page.tsx";
import { nextAddress } from "./next-address.ts";
import { ChangePasswordPage } from "./profile-page.tsx";
import type { WebContext } from "./web-context.ts";
import type { PageContext, WebEnvironment } from "./web-environment.ts";

const SESSION_COOKIE = "sessionid";
const SESSION_COOKIE_SECONDS = 14 * 24 * 60 * 60;

type FormFields = Readonly<Record<string, string>>;
type Html = JSX.Element;

/** Logging in and out, asking for an account, and passwords. Works without JavaScript, and for the original's clients. */
export function addAccounts(app: Hono<WebEnvironment>, web: WebContext): void {
  addLogin(app, web);
  addRegistration(app, web);
  addPasswordReset(app, web);
  addPasswordChange(app, web);
  // Where the original's clients go to after a login, to see that it was one.
  app.get("/accounts/null/", (c) => c.body(null, 200));
}

function addLogin(app: Hono<WebEnvironment>, web: WebContext): void {
  const { accounts } = web.context;
  const show = (c: PageContext, next: string, form: Omit<FormState, "token">): Promise<Response> =>
    htmlPage(c, <LoginPage web={web} next={next} form={{ token: formToken(c), ...form }} />);

  app.get(links.login, (c) => show(c, nextAddress(c, c.req.query("next"), links.profile), {}));
  app.post(links.login, async (c) => {
    const form = await formFields(c);
    checkFormToken(c, form);
    const next = nextAddress(c, form["next"], links.profile);
    const { username = "", password = "" } = form;
    const { peer } = c.get("visitor").caller;
    const attempt = { name: username, password, peer, client: c.req.header("user-agent") ?? "" };
    return orShowAgain(
      c,
      (problem) => show(c, next, { problem, typed: { username } }),
      async () => {
        const { secret } = await logIn(accounts, attempt);
        const cookie = {
          path: "/",
          httpOnly: true,
          sameSite: "Lax",
          secure: isSecure(c),
          maxAge: SESSION_COOKIE_SECONDS,
        } as const;
        setCookie(c, SESSION_COOKIE, secret, cookie);
        return c.redirect(next, 302);
      },
    );
  });
  app.post(links.logout, async (c) => {
    checkFormToken(c, await formFields(c));
    const { session, caller } = c.get("visitor");
    if (session !== undefined && caller.userId !== undefined) await logOut(accounts, { userId: caller.userId, id: session.id });
    deleteCookie(c, SESSION_COOKIE, { path: "/" });
    return c.redirect(links.login, 302);
  });
}

function addRegistration(app: Hono<WebEnvironment>, web: WebContext): void {
  const { accounts } = web.context;
  const mode = accounts.registration;
  const show = (c: PageContext, form: Omit<FormState, "token">): Promise<Response> =>
    htmlPage(c, <RegisterPage web={web} mode={mode} form={{ token: formToken(c), ...form }} />);

  app.get(links.register, (c) => {
    if (mode !== "closed") return show(c, {});
    const text = "Accounts of this instance are made by its administrators.";
    return htmlPage(
      c,
      <DonePage web={web} title="Ask for an account" text={text} link={{ href: links.login, text: "Log in" }} />,
    );
  });
  app.post(links.register, async (c) => {
    const form = await formFields(c);
    checkFormToken(c, form);
    const { username = "", email = "" } = form;
    return orShowAgain(
      c,
      (problem) => show(c, { problem, typed: { username, email } }),
      async () => {
        const password = mode === "approval" ? newPasswordOf(form) : undefined;
        await register(accounts, { name: username, email, password, peer: c.get("visitor").caller.peer });
        const text =
          mode === "mail"
            ? "If the name is free, a mail with a link is on its way to you."
            : "An administrator decides about it. If the name is taken, nothing happens: ask with another one then.";
        return htmlPage(c, <DonePage web={web} title="Asked for" text={text} link={{ href: links.login, text: "Log in" }} />);
      },
    );
  });
}

function addPasswordReset(app: Hono<WebEnvironment>, web: WebContext): void {
  const { accounts } = web.context;
  const show = (c: PageContext, form: Omit<FormState, "token">): Promise<Response> =>
    htmlPage(c, <ResetPage web={web} form={{ token: formToken(c), ...form }} />);

  app.get(links.passwordReset, (c) => show(c, {}));
  app.post(links.passwordReset, async (c) => {
    const form = await formFields(c);
    checkFormToken(c, form);
    return orShowAgain(
      c,
      (problem) => show(c, { problem }),
      async () => {
        await askForPasswordReset(accounts, { nameOrEmail: form["username"] ?? "", peer: c.get("visitor").caller.peer });
        const text = "If there is such an account, a mail with a link is on its way to its address.";
        return htmlPage(c, <DonePage web={web} title="Asked for" text={text} link={{ href: links.login, text: "Log in" }} />);
      },
    );
  });

  const linkOf = (c: PageContext) => ({ uid: c.req.param("uid"), secret: c.req.param("secret") ?? "" });
  const showLink = async (c: PageContext, form: Omit<FormState, "token">): Promise<Response> => {
    const user = await findLinkUser(accounts, linkOf(c));
    const state = { token: formToken(c), ...form };
    return htmlPage(c, <SetPasswordPage web={web} form={state} action={c.req.path} userName={user.name} />);
  };
  // The original's address, and that of older links of ours.
  const paths = ["/accounts/activate/:uid/:secret/", "/accounts/activate/:uid/:secret", "/accounts/activate/:secret/"];
  app.on("GET", paths, (c) => showLink(c, {}));
  app.on("POST", paths, async (c) => {
    const form = await formFields(c);
    checkFormToken(c, form);
    return orShowAgain(
      c,
      (problem) => showLink(c, { problem }),
      async () => {
        const password = newPasswordOf(form);
        await setPasswordByLink(accounts, { ...linkOf(c), password, peer: c.get("visitor").caller.peer });
        const text = "The password is set.";
        return htmlPage(c, <DonePage web={web} title="Done" text={text} link={{ href: links.login, text: "Log in" }} />);
      },
    );
  });
}

function addPasswordChange(app: Hono<WebEnvironment>, web: WebContext): void {
  const { accounts } = web.context;
  const show = (c: PageContext, form: Omit<FormState, "token">): Promise<Response> =>
    htmlPage(c, <ChangePasswordPage web={web} form={{ token: formToken(c), ...form }} />);

  app.get(links.passwordChange, (c) => (isLoggedIn(c) ? show(c, {}) : toLogin(c)));
  app.post(links.passwordChange, async (c) => {
    const form = await formFields(c);
    checkFormToken(c, form);
    const { caller, session } = c.get("visitor");
    const { userId } = caller;
    if (userId === undefined) return toLogin(c);
    return orShowAgain(
      c,
      (problem) => show(c, { problem }),
      async () => {
        const next = newPasswordOf(form);
        const change = { userId, sessionId: session?.id, old: form["password_old"] ?? "", new: next, actor: caller };
        await changePassword(accounts, change);
        const text = "The password is changed, and you are logged out everywhere else.";
        return htmlPage(c, <DonePage web={web} title="Done" text={text} link={{ href: links.profile, text: "Your account" }} />);
      },
    );
  });
}

export function isLoggedIn(c: PageContext): boolean {
  return c.get("visitor").caller.userId !== undefined;
}

/** And back here afterwards. */
export function toLogin(c: PageContext): Response {
  return c.redirect(`${links.login}?next=${encodeURIComponent(c.req.path)}`, 302);
}

/** What a person can correct is shown above the form; a program gets problem details. */
async function orShowAgain(
  c: PageContext,
  show: (problem: NonNullable<FormState["problem"]>) => Promise<Response>,
  act: () => Promise<Response>,
): Promise<Response> {
  try {
    return await act();
  } catch (error) {
    const isForPeople = (c.req.header("accept") ?? "").includes("text/html");
    if (!(error instanceof AppError) || !isForPeople || error.kind === "bug" || error.code === "ACCOUNT_LINK_INVALID")
      throw error;
    c.status(error.kind === "unauthenticated" ? 401 : 400);
    return show({ message: error.message, hint: error.hint });
  }
}

function newPasswordOf(form: FormFields): string {
  const { password = "", password_again: again = "" } = form;
  if (password === again) return password;

  throw new AppError({
    kind: "invalid",
    code: "PASSWORDS_DIFFER",
    message: "the two new passwords are not the same",
    hint: "Type the same one twice",
  });
}

async function formFields(c: PageContext): Promise<FormFields> {
  const body = await c.req.parseBody();
  return Object.fromEntries(Object.entries(body).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])));
}

/** Pages with a token of their own are nobody else's to keep. */
async function htmlPage(c: PageContext, content: Html): Promise<Response> {
  c.header("cache-control", "no-store");
  return c.html(`<!doctype html>\n${await content}`);
}
