import { type Context, Hono } from "hono";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { OperationContext } from "../handlers/index.ts";
import type { Operation, ProblemDetails } from "../operations/index.ts";
import { AppError, type Clock } from "../runtime/index.ts";
import { listUploads } from "../views/index.ts";
import { addAccounts, isLoggedIn, toLogin } from "./account-routes.tsx";
import { ApiPage, ResultPage } from "./api-page.tsx";
import { DaemonLogPage, loadDaemonLog } from "./daemon-log-page.tsx";
import { DistributionPage, loadDistribution } from "./distribution-page.tsx";
import { ErrorPage } from "./error-page.tsx";
import { formToken } from "./form-token.ts";
import { FrontPage, loadFront } from "./front-page.tsx";
import { HowToUploadPage, loadHowToUpload } from "./how-to-upload-page.tsx";
import { links } from "./links.ts";
import { LogPage, loadLog } from "./log-page.tsx";
import { AuditPage, loadAudit, loadPeople, PeoplePage } from "./people-page.tsx";
import { loadProfile, ProfilePage } from "./profile-page.tsx";
import { RepositoriesPage } from "./repositories-page.tsx";
import { loadRepository, RepositoryPage } from "./repository-page.tsx";
import { StaticFiles } from "./static-files.ts";
import { loadUploadModel, renderUploadPage } from "./upload-page.tsx";
import { UploadsPage } from "./uploads-page.tsx";
import type { WebContext } from "./web-context.ts";
import type { PageContext, WebEnvironment } from "./web-environment.ts";

export interface WebPages {
  readonly app: Hono<WebEnvironment>;
  resultPage(operation: Operation, result: unknown): Promise<string>;
  errorPage(problem: ProblemDetails): Promise<string>;
}

const EVENTS_PER_PAGE = 50;
const UPLOADS_PER_PAGE = 50;

/** All pages and static files, for `http`. */
export function createWebPages(parts: { readonly context: OperationContext; readonly clock: Clock }): WebPages {
  const web: WebContext = { ...parts, files: new StaticFiles() };
  const app = new Hono<WebEnvironment>();
  app.route("/", web.files.app());
  addActivity(app, web);
  addUploads(app, web);
  addLogs(app, web);
  addRepositories(app, web);
  addAccounts(app, web);
  addPeople(app, web);
  app.get(links.howToUpload, (c) => {
    const model = loadHowToUpload(web);
    return answer(c, model, () => <HowToUploadPage web={web} model={model} json={jsonAddress(c)} />);
  });
  app.get(links.api, async (c) => c.html(await page(<ApiPage web={web} />)));

  return {
    app,
    resultPage: (operation, result) => page(<ResultPage web={web} operation={operation} result={result} />),
    errorPage: (problem) => page(<ErrorPage web={web} problem={problem} />),
  };
}

function addActivity(app: Hono<WebEnvironment>, web: WebContext): void {
  app.get("/", (c) => c.redirect(links.activity));
  app.get("/mini_buildd/", (c) => c.redirect(links.activity));
  app.on("GET", [links.activity, `${links.activity}:source/`], async (c) => {
    const limit = numberQuery(c, "limit") ?? EVENTS_PER_PAGE;
    const query = { source: c.req.param("source"), before: numberQuery(c, "before"), limit: Math.min(limit, 500) };
    const model = await loadFront(web, query);
    return answer(c, model, () => <FrontPage web={web} model={model} query={query} json={jsonAddress(c)} />);
  });
}

function addUploads(app: Hono<WebEnvironment>, web: WebContext): void {
  app.get(links.uploads, async (c) => {
    const query = { source: textQuery(c, "source"), before: textQuery(c, "before") };
    const newestEvent = await web.context.views.events.newestId();
    const uploads = await listUploads(web.context.views, { ...query, limit: UPLOADS_PER_PAGE });
    return answer(c, uploads, () => (
      <UploadsPage web={web} page={uploads} query={query} json={jsonAddress(c)} newestEvent={newestEvent} />
    ));
  });
  app.get("/mini_buildd/uploads/:source/:version/:timecode/", async (c) => {
    const { source, version, timecode } = c.req.param();
    const model = await loadUploadModel(web, `${source}/${version}/${timecode}`);
    return answer(c, model, () => renderUploadPage(web, model, jsonAddress(c)));
  });
}

/** `line`: a line that is to be on the page, or "end". */
function addLogs(app: Hono<WebEnvironment>, web: WebContext): void {
  app.get("/mini_buildd/logs/:source/:version/:timecode/:build/", async (c) => {
    const { source, version, timecode, build } = c.req.param();
    const line = textQuery(c, "line") === "end" ? "end" : Math.max(1, numberQuery(c, "line") ?? 1);
    const model = await loadLog(web, `${source}/${version}/${timecode}/${build}`, line);
    return answer(c, model, () => <LogPage web={web} model={model} json={jsonAddress(c)} />);
  });
}

function addRepositories(app: Hono<WebEnvironment>, web: WebContext): void {
  app.get(links.repositories, (c) => {
    const repositories = web.context.views.served();
    return answer(c, { repositories }, () => <RepositoriesPage web={web} repositories={repositories} json={jsonAddress(c)} />);
  });
  app.get("/mini_buildd/repositories/:repository/", async (c) => {
    const model = await loadRepository(web, c.req.param("repository"));
    return answer(c, model, () => <RepositoryPage web={web} model={model} json={jsonAddress(c)} />);
  });
  app.get("/mini_buildd/repositories/:repository/dists/:distribution/", async (c) => {
    const query = { filter: textQuery(c, "q"), after: textQuery(c, "after") };
    const { repository, distribution } = c.req.param();
    const model = await loadDistribution(web, repository, distribution, query);
    const token = isLoggedIn(c) ? formToken(c) : undefined;
    if (token !== undefined) c.header("cache-control", "no-store");
    return answer(c, model, () => <DistributionPage web={web} model={model} query={query} token={token} json={jsonAddress(c)} />);
  });
}

/** Who one is, and for administrators who everybody is. Their forms call operations. */
function addPeople(app: Hono<WebEnvironment>, web: WebContext): void {
  const whenLoggedIn = (show: (c: PageContext) => Promise<Response>) => (c: PageContext) => {
    c.header("cache-control", "no-store");
    return isLoggedIn(c) ? show(c) : toLogin(c);
  };
  const profile = whenLoggedIn(async (c) => {
    const model = await loadProfile(web, c.get("visitor"));
    return answer(c, model, () => <ProfilePage web={web} model={model} token={formToken(c)} json={jsonAddress(c)} />);
  });
  const people = whenLoggedIn(async (c) => {
    const model = await loadPeople(web, c.get("visitor"));
    return answer(c, model, () => <PeoplePage web={web} model={model} token={formToken(c)} json={jsonAddress(c)} />);
  });
  const auditLog = whenLoggedIn(async (c) => {
    const entries = await loadAudit(web, c.get("visitor"), c.req.query());
    return answer(c, { entries }, () => <AuditPage web={web} entries={entries} json={jsonAddress(c)} />);
  });
  const daemonLog = whenLoggedIn(async (c) => {
    const query = c.req.query();
    const model = await loadDaemonLog(web, c.get("visitor"), query);
    return answer(c, model, () => (
      <DaemonLogPage web={web} model={model} query={query} token={formToken(c)} json={jsonAddress(c)} />
    ));
  });
  app.get(links.profile, profile).get(links.people, people).get(links.audit, auditLog).get(links.daemonLog, daemonLog);
}

type Html = JSX.Element;

/** The page, or the same as JSON when the client asks for that. */
async function answer(c: Context, model: object, render: () => Html | Promise<Html>): Promise<Response> {
  c.header("vary", "Accept");
  const accepted = c.req.header("accept") ?? "";
  const wantsJson =
    c.req.query("output") === "json" || (accepted.includes("application/json") && !accepted.includes("text/html"));
  return wantsJson ? c.json(model) : c.html(await page(render()));
}

async function page(content: Html | Promise<Html>): Promise<string> {
  return `<!doctype html>\n${await content}`;
}

function jsonAddress(c: Context): string {
  const query = new URLSearchParams({ ...c.req.query(), output: "json" });
  return `${c.req.path}?${query.toString()}`;
}

function textQuery(c: Context, name: string): string | undefined {
  const text = c.req.query(name)?.trim();
  return text === "" ? undefined : text;
}

function numberQuery(c: Context, name: string): number | undefined {
  const text = textQuery(c, name);
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);

  throw new AppError({ kind: "invalid", code: "ARGUMENT_INVALID", message: `${name} is no number: ${text.slice(0, 50)}` });
}
