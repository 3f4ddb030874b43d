import type { FC } from "hono/jsx";
import { BUILD_STEPS } from "../buildorder/index.ts";
import type { BuildView } from "../operations/index.ts";
import { Lasting } from "./parts.tsx";
import { buildLabel, outcomeLabel } from "./words.ts";

/** A build in one line: its steps as a bar, and what it does now in words. */
export const BuildProgress: FC<{ build: BuildView; now: Date }> = ({ build, now }) => {
  const current = build.steps.findLast((step) => step.ended_at === null);
  const label = buildLabel(build);
  return (
    <div class="build-line">
      <span class="name small">{build.architecture}</span>
      <StepsBar build={build} />
      <span class="what">
        <span>{current === undefined ? label.text : `Step ${current.step}`}</span>
        {current !== undefined && <Lasting from={current.started_at} to={null} now={now} />}
        {build.state === "waiting" && build.reason !== null && <span>{build.reason}</span>}
        {build.attempt > 1 && <span>attempt {build.attempt}</span>}
      </span>
    </div>
  );
};

/** For the eye only: the words beside it say the same. */
const StepsBar: FC<{ build: BuildView }> = ({ build }) => (
  <ol class="progress" aria-hidden="true">
    {BUILD_STEPS.map((name) => {
      const step = build.steps.find((candidate) => candidate.step === name);
      return <li class={step === undefined ? undefined : outcomeLabel(step.outcome).tone} />;
    })}
  </ol>
);
