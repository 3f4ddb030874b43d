import type { FC } from "hono/jsx";
import { callOperation, type Visitor } from "../handlers/index.ts";
import {
  ACCESS_LEVELS,
  type Operation,
  removeSshKey,
  removeUserKey,
  type SessionView,
  type SshKeyView,
  sessionEnd,
  sessionLs,
  setSshKey,
  setUserKey,
  sshKeys,
  type TokenView,
  tokenCreate,
  tokenLs,
  tokenRevoke,
  type UploaderKeyView,
  userKeys,
  whoami,
} from "../operations/index.ts";
import { Choice, Field, Form, FormProblem, OperationForm } from "./forms.tsx";
import { KeyPanel, KeyState, SetKey, TakeKeyAway } from "./key-parts.tsx";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { type FormState, NewPassword } from "./login-page.tsx";
import { Ago, Badge, LastTime, Section } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";

export interface ProfileModel {
  readonly user: {
    readonly name: string;
    readonly access: string;
    readonly rights: readonly { repository: string; right: string }[];
  };
  readonly keys: readonly UploaderKeyView[];
  readonly sshKeys: readonly SshKeyView[];
  readonly tokens: readonly TokenView[];
  readonly sessions: readonly SessionView[];
}

/** By the operations, as everybody else asks. */
export async function loadProfile(web: WebContext, visitor: Visitor): Promise<ProfileModel> {
  const ask = (operation: Operation): Promise<unknown> =>
    callOperation(web.context, { operation, raw: {}, rules: { unknown: "refuse" }, visitor });
  const [user, keys, ssh, tokens, sessions] = await Promise.all([whoami, userKeys, sshKeys, tokenLs, sessionLs].map(ask));
  return {
    user: whoami.result.parse(user),
    keys: userKeys.result.parse(keys).keys,
    sshKeys: sshKeys.result.parse(ssh).keys,
    tokens: tokenLs.result.parse(tokens).tokens,
    sessions: sessionLs.result.parse(sessions).sessions,
  };
}

interface ProfileProps {
  readonly web: WebContext;
  readonly model: ProfileModel;
  readonly token: string;
  readonly json: string;
}

export const ProfilePage: FC<ProfileProps> = (props) => {
  const { web, model, token, json } = props;
  const { user } = model;
  return (
    <Layout web={web} title="Your account" place="account" json={json}>
      <h1 class="page-title">{user.name}</h1>
      <p class="facts">
        <span>Role: {user.access}</span>
        {user.rights.map(({ repository, right }) => (
          <span>
            {right} in {repository}
          </span>
        ))}
        <a href={links.passwordChange}>Change password</a>
        {user.access === "admin" && <a href={links.people}>People</a>}
        {user.access === "admin" && <a href={links.audit}>Audit log</a>}
        {user.access === "admin" && <a href={links.daemonLog}>Log of the daemon</a>}
      </p>
      <div class="stack">
        <Keys {...props} />
        <SshKeys {...props} />
        <Tokens {...props} />
        <Sessions {...props} />
        <Form action={links.logout} token={token} button="Log out">
          {""}
        </Form>
      </div>
    </Layout>
  );
};

const Keys: FC<ProfileProps> = ({ web, model, token }) => (
  <Section title="Keys you sign uploads with" id="keys">
    {model.keys.map((key) => (
      <KeyPanel web={web} shown={key} heading={<KeyState state={key.state} />} description={key.description}>
        <TakeKeyAway operation={removeUserKey} token={token} fingerprint={key.fingerprint} />
      </KeyPanel>
    ))}
    <SetKey operation={setUserKey} token={token} id="field-key" button="Set this key" label="Public key" rows={6}>
      What <code>gpg --armor --export FINGERPRINT</code> prints. An administrator has to approve it.
    </SetKey>
  </Section>
);

const SshKeys: FC<ProfileProps> = ({ web, model, token }) => (
  <Section title="SSH keys you upload with" id="ssh-keys">
    {model.sshKeys.map((key) => (
      <KeyPanel
        web={web}
        shown={key}
        heading={<strong>{key.comment === "" ? key.type : key.comment}</strong>}
        description={key.type}
        facts={
          <>
            , <LastTime at={key.last_used_at} did="used" now={web.clock.now()} />
          </>
        }
      >
        <TakeKeyAway operation={removeSshKey} token={token} fingerprint={key.fingerprint} />
      </KeyPanel>
    ))}
    <SetKey operation={setSshKey} token={token} id="field-ssh-key" button="Set this SSH key" label="Public SSH key" rows={3}>
      The one line of <code>~/.ssh/id_ed25519.pub</code>. It lets you upload over SFTP, where this instance offers that; uploads
      are signed with the keys above all the same.
    </SetKey>
  </Section>
);

const Tokens: FC<ProfileProps> = ({ web, model, token }) => (
  <Section title="API tokens" id="tokens">
    {model.tokens.map((each) => (
      <div class="panel padded">
        <p>
          <strong>{each.name}</strong> <span class="muted">at most {each.access}</span>
          {each.operations !== null && <span class="muted">, only {each.operations.join(", ")}</span>}
        </p>
        <p class="small muted">
          Made <Ago at={each.created_at} now={web.clock.now()} />, ends {each.expires_at.slice(0, 10)},{" "}
          <LastTime at={each.last_used_at} did="used" now={web.clock.now()} />
        </p>
        <OperationForm
          operation={tokenRevoke}
          token={token}
          button="Revoke"
          next={links.profile}
          fixed={{ id: each.id }}
          isDangerous
        />
      </div>
    ))}
    <div class="panel padded">
      <OperationForm operation={tokenCreate} token={token} button="Make a token">
        <Field name="name" label="What it is for" id="token-name" />
        <Choice
          name="access"
          label="At most"
          options={ACCESS_LEVELS.slice(0, ACCESS_LEVELS.indexOf(accessOf(model)) + 1)}
          value="login"
        />
        <Field name="operations" label="Only for these operations" isOptional hint="Comma-separated; empty: all" />
        <Field name="days" label="Days until it ends" type="number" value="90" />
      </OperationForm>
    </div>
  </Section>
);

const Sessions: FC<ProfileProps> = ({ web, model, token }) => (
  <Section title="Where you are logged in" id="sessions">
    {model.sessions.map((session) => (
      <div class="panel padded">
        <p>
          {session.client === "" ? "unknown client" : session.client} <span class="muted">from {session.peer}</span>{" "}
          {session.is_this && <Badge label={{ text: "this one", tone: "ok" }} />}
        </p>
        <p class="small muted">
          Since <Ago at={session.created_at} now={web.clock.now()} />, last used{" "}
          <Ago at={session.last_used_at} now={web.clock.now()} />
        </p>
        {!session.is_this && (
          <OperationForm
            operation={sessionEnd}
            token={token}
            button="Log out there"
            next={links.profile}
            fixed={{ id: session.id }}
          />
        )}
      </div>
    ))}
  </Section>
);

export const ChangePasswordPage: FC<{ web: WebContext; form: FormState }> = ({ web, form }) => (
  <Layout web={web} title="Change password" place="account">
    <h1 class="page-title">Change password</h1>
    <div class="panel padded narrow">
      {form.problem !== undefined && <FormProblem {...form.problem} />}
      <Form action={links.passwordChange} token={form.token} button="Change it">
        <Field name="password_old" label="Old password" type="password" autocomplete="current-password" />
        <NewPassword />
      </Form>
    </div>
  </Layout>
);

function accessOf(model: ProfileModel): (typeof ACCESS_LEVELS)[number] {
  return ACCESS_LEVELS.find((level) => level === model.user.access) ?? "login";
}
