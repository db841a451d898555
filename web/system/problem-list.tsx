import type { StatusAnswer } from '../../api/schemas/service.ts';
import { gapReasons } from '../../domain/gap-reason.ts';
import { cameraStates } from '../../domain/camera.ts';
import type { SweepAnswer } from '../answers.ts';
import { serverNowMs } from '../clock.ts';
import { age, shortTime } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { Link } from '../parts/link.tsx';
import { words } from '../words/index.ts';

interface ProblemListProps {
  status: StatusAnswer;
  sweep: SweepAnswer | null;
}

type Problem = StatusAnswer['problems'][number];

/** What is wrong now, oldest first: who, what, and since when. */
export function ProblemList({ status, sweep }: ProblemListProps) {
  const w = words.value;
  const stopped = sweep?.stopped ?? null;
  const now = serverNowMs();
  const since = (at: string) => {
    const atMs = Date.parse(at);
    return `${w.sinceTime(shortTime(atMs, now))} (${age(Math.max(0, now - atMs))})`;
  };
  const line = (key: string, name: preact.ComponentChildren, what: string, detail: string | null, at: string) => (
    <li key={key}>
      <Icon name="alert" />
      <div>
        <p>
          <b>{name}</b> {what}
        </p>
        {detail !== null && <code>{detail}</code>}
      </div>
      <span class="muted">{since(at)}</span>
    </li>
  );
  if (status.problems.length === 0 && stopped === null) return <p class="all-well">{w.nothingWrong}</p>;
  return (
    <ul class="problems">
      {stopped !== null && line('sweep', w.sweep, w.sweepStopped, stopped.text, stopped.at)}
      {status.problems.map((one) => {
        const name =
          one.kind === 'camera' ? (
            <Link class="text-link" href={`/cameras/${one.id}/story`}>
              {one.name}
            </Link>
          ) : (
            one.name
          );
        return line(`${one.kind} ${one.id} ${one.what}`, name, whatOf(one), one.detail ?? null, one.since);
      })}
    </ul>
  );
}

/** `attention: auth` in words; anything else as the service says it. */
function whatOf({ what }: Problem): string {
  const w = words.value;
  const [first = '', second = ''] = what.split(': ');
  const state = cameraStates.find((one) => one === first);
  if (state === undefined) return what;
  const reason = gapReasons.find((one) => one === second);
  const why = reason === undefined ? second : w.reasons[reason];
  return why === '' ? w.states[state] : `${w.states[state]}: ${why}`;
}
