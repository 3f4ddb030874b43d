import type { FC } from "hono/jsx";
import { port, rebuild } from "../operations/index.ts";
import type { ServedDistribution } from "../views/index.ts";
import { Field, OperationForm } from "./forms.tsx";
import { Section } from "./parts.tsx";

/** For those who are logged in; whether they may is decided when they ask. */
export const BuildAgain: FC<{ distribution: ServedDistribution; token: string }> = ({ distribution, token }) => (
  <Section title="Build again" id="build-again">
    <div class="stack">
      {distribution.isUploadable && (
        <div class="panel padded">
          <OperationForm operation={rebuild} token={token} button="Rebuild it here" fixed={{ distribution: distribution.name }}>
            <Field name="source" label="Source package" id="rebuild-source" />
            <Field name="version" label="Version" id="rebuild-version" hint="When not the newest" isOptional />
            <Field name="reason" label="Reason" id="rebuild-reason" hint="For the changelog, in a sentence" isOptional />
          </OperationForm>
        </div>
      )}
      <div class="panel padded">
        <OperationForm operation={port} token={token} button="Port it" fixed={{ from_distribution: distribution.name }}>
          <Field name="source" label="Source package" id="port-source" />
          <Field name="to_distributions" label="To distributions" id="port-to" hint="Separated by commas" />
        </OperationForm>
      </div>
    </div>
  </Section>
);
