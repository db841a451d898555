import { lostAfterMs, type Recorder } from '../db/recorders.ts';
import { isoTime } from './schemas/common.ts';
import { isWaiting, type StatusAnswer } from './schemas/service.ts';

type Problem = StatusAnswer['problems'][number];

/** Footage commits within seconds of its end; this late it waits for a part that is away. */
const lateBacklogMs = 180_000;
/** Commits that fail for so long: a server of ours that is started again answers sooner. */
const failingMs = 30_000;

/** What is wrong with the spools of recorders and with their clocks, for the status. */
export function recorderProblems(hosts: readonly Recorder[], nowMs: number): Problem[] {
  return hosts.flatMap((host) => [
    ...missing(host, nowMs),
    ...late(host, nowMs),
    ...unreadable(host),
    ...clock(host, nowMs),
  ]);
}

function missing(host: Recorder, nowMs: number): Problem[] {
  if (host.waits === null || !isWaiting(host, nowMs)) return [];
  const { for: detail, sinceMs } = host.waits;
  return [problemOf(host, { code: 'spool-missing', what: 'is not there, nothing is recorded', detail, sinceMs })];
}

function late(host: Recorder, nowMs: number): Problem[] {
  const oldestMs = host.stats?.backlog.oldestEndMs ?? null;
  if (host.stats === null || oldestMs === null) return [];
  const error = host.stats.commitError ?? null;
  const isFailing = error !== null && nowMs - error.sinceMs >= failingMs;
  if (!isFailing && nowMs - oldestMs < lateBacklogMs) return [];
  const { files, bytes } = host.stats.backlog;
  const what = `has ${files} files (${Math.round(bytes / 1_000_000)} MB) in its spool that are not committed`;
  const detail = error === null ? undefined : `The newest try failed: ${error.text}`;
  return [problemOf(host, { what, detail, sinceMs: oldestMs })];
}

function unreadable(host: Recorder): Problem[] {
  const { files = 0, oldestStartMs = null } = host.stats?.unreadable ?? {};
  if (oldestStartMs === null) return [];
  const what = `has ${files === 1 ? '1 file' : `${files} files`} that cannot be read`;
  const detail =
    'They lie in the folder unreadable of its spool, or where the log says, and are tried again at each start of the ' +
    'recorder. Save what can be saved, and replace the disk; where a file is given up, remove it and start the recorder again.';
  return [problemOf(host, { code: 'spool-unreadable', what, detail, sinceMs: oldestStartMs })];
}

function clock(host: Recorder, nowMs: number): Problem[] {
  const wrong = host.stats?.clock ?? null;
  if (wrong === null || nowMs - host.seenMs > lostAfterMs) return [];
  const seconds = Math.round(Math.abs(wrong.aheadMs) / 1000);
  const what = `has a clock that is ${seconds} s ${wrong.aheadMs > 0 ? 'ahead' : 'behind'}`;
  const detail =
    'It records by the clock of the catalogue, with which that of the object store agrees. Set its own (NTP): a store ' +
    'takes nothing from a host that is 15 minutes off, and a restart while the two are away would go by it.';
  return [problemOf(host, { code: 'clock-wrong', what, detail, sinceMs: wrong.sinceMs })];
}

function problemOf(
  { hostId }: Recorder,
  { sinceMs, ...says }: Pick<Problem, 'code' | 'what' | 'detail'> & { sinceMs: number },
): Problem {
  return { kind: 'recorder', id: hostId, name: hostId, ...says, since: isoTime(sinceMs) };
}
