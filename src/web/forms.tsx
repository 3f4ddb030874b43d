import type { FC, PropsWithChildren } from "hono/jsx";
import type { Operation } from "../operations/index.ts";
import { FORM_TOKEN_FIELD } from "./form-token.ts";

/** Pieces of forms that pages share. */

export const Form: FC<PropsWithChildren<{ action: string; token: string; button: string; isDangerous?: boolean }>> = (props) => (
  <form class="form" method="post" action={props.action}>
    <input type="hidden" name={FORM_TOKEN_FIELD} value={props.token} />
    {props.children}
    <p class="form-buttons">
      <button type="submit" {...(props.isDangerous === true && { class: "danger" })}>
        {props.button}
      </button>
    </p>
  </form>
);

/** A form that calls an operation and then shows a page again. */
export const OperationForm: FC<
  PropsWithChildren<{
    operation: Operation;
    token: string;
    button: string;
    /** Shown afterwards; without it, the result. */
    next?: string;
    /** Arguments that are not asked for. */
    fixed?: Readonly<Record<string, string>>;
    isDangerous?: boolean;
  }>
> = (props) => (
  <Form
    action={`/mini_buildd/api/${props.operation.name}/`}
    token={props.token}
    button={props.button}
    isDangerous={props.isDangerous === true}
  >
    <input type="hidden" name="confirm" value={props.operation.name} />
    {props.next !== undefined && <input type="hidden" name="next" value={props.next} />}
    {Object.entries(props.fixed ?? {}).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
    {props.children}
  </Form>
);

export const Field: FC<{
  name: string;
  label: string;
  id?: string;
  type?: string;
  hint?: string;
  value?: string;
  autocomplete?: string;
  isOptional?: boolean;
}> = (props) => {
  const id = props.id ?? `field-${props.name}`;
  const hintId = props.hint === undefined ? undefined : `${id}-hint`;
  return (
    <p class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        name={props.name}
        type={props.type ?? "text"}
        {...(props.value !== undefined && { value: props.value })}
        {...(props.autocomplete !== undefined && { autocomplete: props.autocomplete })}
        {...(props.isOptional !== true && { required: true })}
        {...(hintId !== undefined && { "aria-describedby": hintId })}
      />
      {props.hint !== undefined && (
        <span class="small muted" id={hintId}>
          {props.hint}
        </span>
      )}
    </p>
  );
};

export const Choice: FC<{ name: string; label: string; id?: string; options: readonly string[]; value?: string | undefined }> = (
  props,
) => {
  const id = props.id ?? `field-${props.name}`;
  return (
    <p class="field">
      <label for={id}>{props.label}</label>
      <select id={id} name={props.name}>
        {props.options.map((option) => (
          <option value={option} {...(option === props.value && { selected: true })}>
            {option}
          </option>
        ))}
      </select>
    </p>
  );
};

/** Why a form was not taken. */
export const FormProblem: FC<{ message: string; hint: string | undefined }> = ({ message, hint }) => (
  <div class="callout bad" role="alert">
    <p>
      <strong>{message}</strong>
    </p>
    {hint !== undefined && <p class="hint">{hint}</p>}
  </div>
);
