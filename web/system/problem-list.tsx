import type { StatusAnswer } from '../../api/schemas/service.ts';
import { gapReasons } from '../../domain/gap-reason.ts';
import { cameraStates } from '../../domain/camera.ts';
import { serverNowMs } from '../clock.ts';
import { age, shortTime } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { Link } from '../parts/link.tsx';
import { words } from '../words/index.ts';

interface ProblemListProps {
  status: StatusAnswer;
}

type Problem = StatusAnswer['problems'][number];

/** What is wrong now, in the order of the service: who, what, and since when. */
export function ProblemList({ status }: ProblemListProps) {
  const w = words.value;
  const now = serverNowMs();
  const since = (at: string) => {
    const atMs = Date.parse(at);
    return `${w.sinceTime(shortTime(atMs, now))} (${age(Math.max(0, now - atMs))})`;
  };
  if (status.problems.length === 0) return <p class="all-well">{w.nothingWrong}</p>;
  return (
    <ul class="problems">
      {status.problems.map((one) => (
        <li key={`${one.kind} ${one.id} ${one.what}`}>
          <Icon name="alert" />
          <div>
            <p>
              <b>{nameOf(one)}</b> {whatOf(one)}
            </p>
            {evidenceOf(one).map((text) => (
              <code key={text}>{text}</code>
            ))}
          </div>
          <span class="muted">{since(one.since)}</span>
        </li>
      ))}
    </ul>
  );
}

function nameOf({ kind, id, name, code }: Problem): preact.ComponentChildren {
  if (kind === 'camera') {
    return (
      <Link class="text-link" href={`/cameras/${id}/story`}>
        {name}
      </Link>
    );
  }
  if (code === undefined) return name;
  const what = words.value.problemNames[code];
  return kind === 'recorder' ? `${what} ${name}` : what;
}

/** What the service says in English, where the words above say it already in the chosen language. */
function evidenceOf({ code, what, detail }: Problem): string[] {
  return [code === undefined ? null : what, detail].filter((text) => text !== null && text !== undefined);
}

/** Codes and states such as `attention: auth` in words; anything else as the service says it. */
function whatOf({ code, what }: Problem): string {
  const w = words.value;
  if (code !== undefined) return w.problemCodes[code];
  const [first = '', second = ''] = what.split(': ');
  const state = cameraStates.find((one) => one === first);
  if (state === undefined) return what;
  const reason = gapReasons.find((one) => one === second);
  const why = reason === undefined ? second : w.reasons[reason];
  return why === '' ? w.states[state] : `${w.states[state]}: ${why}`;
}
