import type { FC, PropsWithChildren } from "hono/jsx";
import { links } from "./links.ts";
import type { WebContext } from "./web-context.ts";

export interface LayoutProps {
  readonly web: WebContext;
  readonly title: string;
  /** Which entry of the navigation is this page's. */
  readonly place?: Place | undefined;
  /** Follow events from here on; pages without it do not change by themselves. */
  readonly live?: { readonly afterEventId: number; readonly upload?: string | undefined } | undefined;
  /** This page has build logs. */
  readonly hasLogs?: boolean;
  /** This page has the daemon's log. */
  readonly hasDaemonLog?: boolean;
  /** Address of the same as JSON. */
  readonly json?: string | undefined;
}

export type Place = "activity" | "uploads" | "repositories" | "howToUpload" | "api" | "account";

const NAVIGATION: readonly { readonly place: Place; readonly text: string; readonly href: string }[] = [
  { place: "activity", text: "Activity", href: links.activity },
  { place: "uploads", text: "Uploads", href: links.uploads },
  { place: "repositories", text: "Repositories", href: links.repositories },
  { place: "howToUpload", text: "How to upload", href: links.howToUpload },
  { place: "api", text: "API", href: links.api },
  { place: "account", text: "Account", href: links.profile },
];

export const Layout: FC<PropsWithChildren<LayoutProps>> = (props) => {
  const { web, title, live, children } = props;
  const { identity, version } = web.context.instance;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · mini-buildd ${identity}`}</title>
        <link rel="icon" href={web.files.url("favicon.svg")} type="image/svg+xml" />
        <link rel="stylesheet" href={web.files.url("style.css")} />
        <script src={web.files.url("live.js")} defer />
        {props.hasLogs === true && <script src={web.files.url("log.js")} defer />}
        {props.hasDaemonLog === true && <script src={web.files.url("daemon-log.js")} defer />}
      </head>
      <body {...liveAttributes(live)}>
        <a class="skip" href="#content">
          Skip to content
        </a>
        <Header {...props} />
        <main id="content">{children}</main>
        <footer class="site-footer">
          <div>
            <span>mini-buildd {version}</span>
            {props.json !== undefined && <a href={props.json}>This page as JSON</a>}
            <span>Times are UTC</span>
          </div>
        </footer>
      </body>
    </html>
  );
};

const Header: FC<LayoutProps> = ({ web, place, live }) => (
  <header class="site-header">
    <div>
      <a class="brand" href={links.activity}>
        <img src={web.files.url("favicon.svg")} alt="" width="28" height="28" />
        <span>
          mini-buildd <span class="identity">{web.context.instance.identity}</span>
        </span>
      </a>
      <nav aria-label="Main">
        {NAVIGATION.map((entry) => (
          <a href={entry.href} {...(entry.place === place && { "aria-current": "page" as const })}>
            {entry.text}
          </a>
        ))}
      </nav>
      {live !== undefined && (
        <span class="live-dot" id="live-indicator" role="status" hidden>
          Live
        </span>
      )}
    </div>
  </header>
);

function liveAttributes(live: LayoutProps["live"]): Record<string, string> {
  if (live === undefined) return {};
  const upload: Record<string, string> = live.upload === undefined ? {} : { "data-upload": live.upload };
  return { "data-live": "events", "data-after": String(live.afterEventId), ...upload };
}
