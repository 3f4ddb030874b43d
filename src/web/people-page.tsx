import type { FC } from "hono/jsx";
import { ROLES } from "../accounts/index.ts";
import { callOperation, type Visitor } from "../handlers/index.ts";
import {
  type AuditView,
  approveUserKey,
  audit,
  refuseUserKey,
  type UploaderKeyView,
  type UserView,
  uploaderKeys,
  userCreate,
  userLink,
  userLs,
  userRights,
  userSet,
} from "../operations/index.ts";
import { Choice, Field, OperationForm } from "./forms.tsx";
import { KeyPanel, KeyState } from "./key-parts.tsx";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Ago, Badge, LastTime, Section } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";
import { USER_STATES } from "./words.ts";

export interface PeopleModel {
  readonly users: readonly UserView[];
  readonly keys: readonly UploaderKeyView[];
}

/** Throws what the operations throw: ACCESS_DENIED for all but administrators. */
export async function loadPeople(web: WebContext, visitor: Visitor): Promise<PeopleModel> {
  const common = { raw: {}, rules: { unknown: "refuse" }, visitor } as const;
  const users = await callOperation(web.context, { operation: userLs, ...common });
  const keys = await callOperation(web.context, { operation: uploaderKeys, ...common });
  return { users: userLs.result.parse(users).users, keys: uploaderKeys.result.parse(keys).keys };
}

interface PeopleProps {
  readonly web: WebContext;
  readonly model: PeopleModel;
  readonly token: string;
  readonly json: string;
}

export const PeoplePage: FC<PeopleProps> = (props) => (
  <Layout web={props.web} title="People" place="account" json={props.json}>
    <h1 class="page-title">People</h1>
    <p class="facts">
      <a href={links.audit}>Audit log</a>
      <a href={links.daemonLog}>Log of the daemon</a>
    </p>
    <div class="stack">
      <Keys {...props} />
      <Section title="Users" id="users">
        {props.model.users.map((user) => (
          <User user={user} {...props} />
        ))}
      </Section>
      <Section title="New user" id="new-user">
        <div class="panel padded">
          <OperationForm operation={userCreate} token={props.token} button="Make the account">
            <Field name="name" label="User name" id="new-name" />
            <Field name="email" label="Mail address" type="email" id="new-email" />
            <Choice name="role" label="Role" id="new-role" options={ROLES} />
          </OperationForm>
        </div>
      </Section>
    </div>
  </Layout>
);

const Keys: FC<PeopleProps> = ({ web, model, token }) => (
  <Section title="Uploader keys" id="keys">
    {model.keys.length === 0 && <p class="muted">Nobody has set a key yet.</p>}
    {model.keys.map((key) => (
      <KeyPanel
        web={web}
        shown={key}
        heading={
          <>
            <KeyState state={key.state} /> <strong>{key.user}</strong>
          </>
        }
        description={key.description}
        facts={key.decided_by !== null && `, decided by ${key.decided_by}`}
      >
        <OperationForm
          operation={approveUserKey}
          token={token}
          button="Approve"
          next={links.people}
          fixed={{ fingerprint: key.fingerprint }}
        >
          <Field
            name="repositories"
            label="For these repositories"
            id={`repositories-${key.fingerprint}`}
            hint={`Comma-separated, of: ${web.context.views
              .served()
              .map(({ id }) => id)
              .join(", ")}`}
          />
        </OperationForm>
        {key.state !== "refused" && (
          <OperationForm
            operation={refuseUserKey}
            token={token}
            button="Refuse"
            next={links.people}
            fixed={{ fingerprint: key.fingerprint }}
            isDangerous
          />
        )}
      </KeyPanel>
    ))}
  </Section>
);

const User: FC<PeopleProps & { user: UserView }> = ({ web, user, token }) => (
  <details class="panel padded">
    <summary>
      <strong>{user.name}</strong> <Badge label={USER_STATES[user.state] ?? { text: user.state, tone: "idle" }} />{" "}
      <span class="muted">
        {user.role} · {user.email}
        {user.rights.map(({ repository, right }) => ` · ${right} in ${repository}`).join("")}
      </span>
    </summary>
    <p class="small muted">
      Since <Ago at={user.created_at} now={web.clock.now()} />,{" "}
      <LastTime at={user.last_login_at} did="logged in" now={web.clock.now()} />
    </p>
    <OperationForm operation={userSet} token={token} button="Change" next={links.people} fixed={{ name: user.name }}>
      <Choice name="role" label="Role" id={`role-${user.name}`} options={ROLES} value={user.role} />
      <Choice name="state" label="State" id={`state-${user.name}`} options={["active", "disabled"]} value={user.state} />
    </OperationForm>
    <OperationForm operation={userRights} token={token} button="Set rights" next={links.people} fixed={{ name: user.name }}>
      <Choice
        name="repository"
        label="In repository"
        id={`repository-${user.name}`}
        options={web.context.views.served().map(({ id }) => id)}
      />
      <Field
        name="rights"
        label="Exactly these rights"
        id={`rights-${user.name}`}
        isOptional
        hint="Of: upload, migrate, manage; empty: none"
      />
    </OperationForm>
    <OperationForm operation={userLink} token={token} button="Make a link to set a password" fixed={{ name: user.name }} />
  </details>
);

export async function loadAudit(
  web: WebContext,
  visitor: Visitor,
  query: Readonly<Record<string, string>>,
): Promise<AuditView[]> {
  const call = { operation: audit, raw: query, rules: { unknown: "ignore" }, visitor } as const;
  return audit.result.parse(await callOperation(web.context, call)).entries;
}

export const AuditPage: FC<{ web: WebContext; entries: readonly AuditView[]; json: string }> = ({ web, entries, json }) => (
  <Layout web={web} title="Audit log" place="account" json={json}>
    <h1 class="page-title">Audit log</h1>
    <p class="facts">Who did what, when and from where; newest first.</p>
    <div class="panel">
      <div class="table-frame" tabindex={0} role="region" aria-label="Audit log">
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">From</th>
              <th scope="col">What</th>
              <th scope="col">To what</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr>
                <td class="nowrap">
                  <Ago at={entry.occurred_at} now={web.clock.now()} />
                </td>
                <th scope="row">{entry.actor}</th>
                <td>{entry.peer}</td>
                <td>{entry.act}</td>
                <td class="small">{subjectText(entry.subject)}</td>
                <td>{entry.code === null ? entry.outcome : `${entry.outcome}: ${entry.code}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
    {entries.length > 0 && (
      <p class="pager">
        <a href={`${links.audit}?before=${entries.at(-1)?.id}`}>Older</a>
      </p>
    )}
  </Layout>
);

function subjectText(subject: Readonly<Record<string, unknown>>): string {
  const text = Object.entries(subject)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
  return text.length <= 160 ? text : `${text.slice(0, 160)}…`;
}
