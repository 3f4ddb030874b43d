import type { Child, FC, PropsWithChildren } from "hono/jsx";
import { agoText, durationText, exactDurationText, utcText } from "./durations.ts";
import type { Label } from "./words.ts";

/** Small pieces that pages share. */

export const Badge: FC<{ label: Label }> = ({ label }) => (
  <span class={label.tone === "idle" ? "badge" : `badge ${label.tone}`}>{label.text}</span>
);

/** "3 minutes ago", the exact time as its title. */
export const Ago: FC<{ at: string; now: Date }> = ({ at, now }) => (
  <time datetime={at} title={utcText(at)} data-relative>
    {agoText(new Date(at), now)}
  </time>
);

/** "last used 3 minutes ago", "never used". */
export const LastTime: FC<{ at: string | null; did: string; now: Date }> = ({ at, did, now }) =>
  at === null ? (
    <>never {did}</>
  ) : (
    <>
      last {did} <Ago at={at} now={now} />
    </>
  );

/** How long something took, or has been taking (then it goes on). */
export const Lasting: FC<{ from: string; to: string | null; now: Date }> = ({ from, to, now }) =>
  to === null ? (
    <span data-since={from}>{durationText(now.getTime() - Date.parse(from))}</span>
  ) : (
    <span>{exactDurationText(Date.parse(to) - Date.parse(from))}</span>
  );

/** Text to copy; the button comes with JavaScript. */
export const Snippet: FC<{ title: string; text: string }> = ({ title, text }) => (
  <div class="snippet">
    <div class="snippet-title">
      <span>{title}</span>
    </div>
    <pre tabindex={0} role="region" aria-label={title}>
      {text}
    </pre>
  </div>
);

export const Empty: FC<PropsWithChildren<{ title: string }>> = ({ title, children }) => (
  <div class="empty">
    <strong>{title}</strong>
    {children}
  </div>
);

export const Section: FC<PropsWithChildren<{ title: string; id: string; aside?: Child }>> = ({ title, id, aside, children }) => (
  <section aria-labelledby={id}>
    <div class="section-head">
      <h2 id={id}>{title}</h2>
      {aside}
    </div>
    {children}
  </section>
);
