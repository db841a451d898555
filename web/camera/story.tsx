import { useState } from 'preact/hooks';
import { gapReasons } from '../../domain/gap-reason.ts';
import type { CameraEvent, PageOf } from '../answers.ts';
import { call, type Problem } from '../api.ts';
import { clockTime, dayName, duration } from '../format.ts';
import { useLoaded } from '../loaded.ts';
import { Button } from '../parts/button.tsx';
import { Empty } from '../parts/empty.tsx';
import { Link } from '../parts/link.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { playAddress } from '../router.ts';
import { words } from '../words/index.ts';

const pageSize = 100;
const refreshMs = 10_000;

/** What happened to a camera, newest first. */
export function Story({ cameraId }: { cameraId: string }) {
  const w = words.value;
  const path = `/v1/cameras/${cameraId}/events?limit=${pageSize}`;
  const newest = useLoaded<PageOf<CameraEvent>>(path, refreshMs);
  const [older, setOlder] = useState<{ events: CameraEvent[]; cursor: string | undefined } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const more = async (cursor: string) => {
    const answer = await call<PageOf<CameraEvent>>('GET', `${path}&cursor=${encodeURIComponent(cursor)}`);
    setProblem(answer.kind === 'problem' ? answer.problem : null);
    if (answer.kind !== 'ok') return;
    setOlder({ events: [...(older?.events ?? []), ...answer.value.items], cursor: answer.value.nextCursor });
  };
  return (
    <section class="panel card" aria-label={w.story}>
      <LoadState of={newest}>
        {({ items, nextCursor }) => {
          const cursor = older === null ? nextCursor : older.cursor;
          if (items.length === 0) return <Empty icon="clock" text={w.noEvents} />;
          return (
            <>
              <ol class="story">
                {[...items, ...(older?.events ?? [])].map((event, at) => (
                  <Event key={`${event.at} ${event.kind} ${at}`} cameraId={cameraId} event={event} />
                ))}
              </ol>
              {problem !== null && <ProblemNote problem={problem} />}
              {cursor !== undefined && <Button onClick={() => void more(cursor)}>{w.older}</Button>}
            </>
          );
        }}
      </LoadState>
    </section>
  );
}

function Event({ cameraId, event }: { cameraId: string; event: CameraEvent }) {
  const atMs = Date.parse(event.at);
  const { text, detail, owner, playMs } = told(event);
  return (
    <li>
      <time dateTime={event.at}>
        {dayName(atMs)} <b>{clockTime(atMs)}</b>
      </time>
      <div>
        <p>
          {owner !== undefined && <i class="swatch" data-owner={owner} />}
          {text}
          {playMs !== undefined && (
            <Link class="text-link" href={playAddress(cameraId, playMs)}>
              {words.value.playFrom}
            </Link>
          )}
        </p>
        {detail !== undefined && <code>{detail}</code>}
      </div>
    </li>
  );
}

interface Told {
  text: string;
  detail?: string | undefined;
  owner?: string;
  playMs?: number;
}

/** An event in words. */
function told(event: CameraEvent): Told {
  const w = words.value;
  const reasonOf = (reason: string) => {
    const known = gapReasons.find((one) => one === reason);
    return known === undefined ? reason : w.reasons[known];
  };
  switch (event.kind) {
    case 'state':
      return { text: w.becameState(w.states[event.state], event.reason === null ? '' : reasonOf(event.reason)) };
    case 'session':
      return { text: w.recorderTook(event.epoch), detail: event.hostId === null ? undefined : w.host(event.hostId) };
    case 'first-frame':
      return { text: w.firstPicture };
    case 'gap-closed': {
      const lostMs = Date.parse(event.at) - Date.parse(event.lostSince);
      const text = w.footageBack(duration(Math.max(0, lostMs)), reasonOf(event.reason));
      return { text, owner: event.owner, playMs: Date.parse(event.at) };
    }
    case 'gap-opened':
    case 'gap-reason':
      return {
        text: w.footageStopped(reasonOf(event.reason)),
        owner: event.owner,
        detail: event.evidence.lastError,
        playMs: Date.parse(event.lostSince) - 5_000,
      };
    default:
      return { text: '' };
  }
}
