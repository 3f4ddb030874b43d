import type { FC } from "hono/jsx";
import type { RegistrationMode } from "../accounts/index.ts";
import { Field, Form, FormProblem } from "./forms.tsx";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import type { WebContext } from "./web-context.ts";

export interface FormState {
  readonly token: string;
  readonly problem?: { readonly message: string; readonly hint: string | undefined } | undefined;
  /** What was typed, but for passwords. */
  readonly typed?: Readonly<Record<string, string>>;
}

export const LoginPage: FC<{ web: WebContext; form: FormState; next: string }> = ({ web, form, next }) => (
  <Layout web={web} title="Log in" place="account">
    <h1 class="page-title">Log in</h1>
    <div class="panel padded narrow">
      {form.problem !== undefined && <FormProblem {...form.problem} />}
      <Form action={links.login} token={form.token} button="Log in">
        <input type="hidden" name="this_is_the_login_form" value="1" />
        <input type="hidden" name="next" value={next} />
        <Field name="username" label="User name" autocomplete="username" value={form.typed?.["username"] ?? ""} />
        <Field name="password" label="Password" type="password" autocomplete="current-password" />
      </Form>
      <p class="small">
        <a href={links.passwordReset}>Password forgotten?</a>
        {web.context.accounts.registration !== "closed" && (
          <>
            {" · "}
            <a href={links.register}>Ask for an account</a>
          </>
        )}
      </p>
    </div>
  </Layout>
);

export const RegisterPage: FC<{ web: WebContext; form: FormState; mode: RegistrationMode }> = ({ web, form, mode }) => (
  <Layout web={web} title="Ask for an account" place="account">
    <h1 class="page-title">Ask for an account</h1>
    <p class="facts">
      {mode === "mail"
        ? "A mail with a link comes to your address; it lets you in."
        : "An administrator looks at it and lets you in."}
    </p>
    <div class="panel padded narrow">
      {form.problem !== undefined && <FormProblem {...form.problem} />}
      <Form action={links.register} token={form.token} button="Ask for it">
        <Field name="username" label="User name" autocomplete="username" value={form.typed?.["username"] ?? ""} />
        <Field name="email" label="Mail address" type="email" autocomplete="email" value={form.typed?.["email"] ?? ""} />
        {mode === "approval" && <NewPassword />}
      </Form>
    </div>
  </Layout>
);

export const ResetPage: FC<{ web: WebContext; form: FormState }> = ({ web, form }) => (
  <Layout web={web} title="Password forgotten" place="account">
    <h1 class="page-title">Password forgotten</h1>
    <div class="panel padded narrow">
      {form.problem !== undefined && <FormProblem {...form.problem} />}
      {web.context.accounts.sendMail === undefined ? (
        <p>
          This instance sends no mail. An administrator can give you a link: <code>mini-buildd user_link NAME</code>
        </p>
      ) : (
        <Form action={links.passwordReset} token={form.token} button="Send me a link">
          <Field name="username" label="User name or mail address" autocomplete="username" />
        </Form>
      )}
    </div>
  </Layout>
);

export const SetPasswordPage: FC<{ web: WebContext; form: FormState; action: string; userName: string }> = (props) => (
  <Layout web={props.web} title="Set a password" place="account">
    <h1 class="page-title">Set a password</h1>
    <p class="facts">For the account {props.userName}.</p>
    <div class="panel padded narrow">
      {props.form.problem !== undefined && <FormProblem {...props.form.problem} />}
      <Form action={props.action} token={props.form.token} button="Set it">
        <input type="hidden" name="username" autocomplete="username" value={props.userName} />
        <NewPassword />
      </Form>
    </div>
  </Layout>
);

export const NewPassword: FC = () => (
  <>
    <Field
      name="password"
      label="New password"
      type="password"
      autocomplete="new-password"
      hint="At least 10 characters; four random words do."
    />
    <Field name="password_again" label="Once more" type="password" autocomplete="new-password" />
  </>
);

/** One sentence, when there is nothing more to do. */
export const DonePage: FC<{ web: WebContext; title: string; text: string; link: { href: string; text: string } }> = (props) => (
  <Layout web={props.web} title={props.title} place="account">
    <h1 class="page-title">{props.title}</h1>
    <div class="panel padded narrow">
      <p>{props.text}</p>
      <p>
        <a href={props.link.href}>{props.link.text}</a>
      </p>
    </div>
  </Layout>
);
