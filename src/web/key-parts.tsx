import type { Child, FC, PropsWithChildren } from "hono/jsx";
import type { Operation } from "../operations/index.ts";
import { OperationForm } from "./forms.tsx";
import { links } from "./links.ts";
import { Ago, Badge } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";
import { KEY_STATES } from "./words.ts";

/** Pieces of the pages that have keys on them: to sign with, and to upload with. */

interface ShownKey {
  readonly fingerprint: string;
  readonly set_at: string;
}

/** One key: what it is, since when, and below it what can be done with it. */
export const KeyPanel: FC<
  PropsWithChildren<{ web: WebContext; shown: ShownKey; heading: Child; description: string; facts?: Child }>
> = ({ web, shown, heading, description, facts, children }) => (
  <div class="panel padded">
    <p>
      {heading} <code>{shown.fingerprint}</code>
    </p>
    <p class="small muted">
      {description}, set <Ago at={shown.set_at} now={web.clock.now()} />
      {facts}
    </p>
    {children}
  </div>
);

export const KeyState: FC<{ state: string }> = ({ state }) => (
  <Badge label={KEY_STATES[state] ?? { text: state, tone: "idle" }} />
);

interface KeyFormProps {
  readonly operation: Operation;
  readonly token: string;
}

/** On one's own page. */
export const TakeKeyAway: FC<KeyFormProps & { fingerprint: string }> = ({ operation, token, fingerprint }) => (
  <OperationForm
    operation={operation}
    token={token}
    button="Take away"
    next={links.profile}
    fixed={{ fingerprint }}
    isDangerous
  />
);

/** Where one's own key is pasted. */
export const SetKey: FC<PropsWithChildren<KeyFormProps & { id: string; button: string; label: string; rows: number }>> = (
  props,
) => (
  <div class="panel padded">
    <OperationForm operation={props.operation} token={props.token} button={props.button} next={links.profile}>
      <p class="field">
        <label for={props.id}>{props.label}</label>
        <textarea id={props.id} name="key" rows={props.rows} required aria-describedby={`${props.id}-hint`} />
        <span class="small muted" id={`${props.id}-hint`}>
          {props.children}
        </span>
      </p>
    </OperationForm>
  </div>
);
