import type { FC } from "hono/jsx";
import type { ServedDistribution } from "../views/index.ts";
import { Section, Snippet } from "./parts.tsx";

/** How what is here goes on, comes back or leaves. */
export const Movement: FC<{ distribution: ServedDistribution; next: string | null }> = ({ distribution, next }) => {
  const { name, rollbacks, keptVersions } = distribution;
  return (
    <Section title="Move packages" id="movement">
      <div class="prose">
        {next !== null && (
          <Snippet
            title={`See what would change in ${next}, then migrate`}
            text={`mini-buildd migration-preview SOURCE ${name}\nmini-buildd migrate SOURCE ${name}\n`}
          />
        )}
        <details>
          <summary>Take back</summary>
          <div class="prose">
            <Snippet
              title="Restore an older version, remove the newest, or undo the last change"
              text={`mini-buildd restore SOURCE ${name} VERSION\nmini-buildd remove SOURCE ${name}\nmini-buildd undo ${name}\n`}
            />
            {rollbacks > 0 && (
              <p class="small muted">
                Older versions are here too: <code>apt install NAME=VERSION</code>. The distributions{" "}
                <code>{`${name}-rollback0`}</code>
                {rollbacks > 1 && (
                  <>
                    {" to "}
                    <code>{`${name}-rollback${rollbacks - 1}`}</code>
                  </>
                )}{" "}
                show them apart, {rollbacks < keptVersions ? `${rollbacks} of them, ` : ""}the last replaced first.
              </p>
            )}
          </div>
        </details>
      </div>
    </Section>
  );
};
