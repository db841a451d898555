import { setTimeout as sleep } from 'node:timers/promises';
import { leaseOf, markRecording, stillRecordingMs, takeEpoch, type Lease } from '../db/leases.ts';
import { cameraForRecording } from '../db/recorded-cameras.ts';
import { isHandingOver } from '../db/recorders.ts';
import type { Pool } from '../db/sql.ts';
import type { GapReason } from '../domain/gap-reason.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { assignmentOf, sameSubstream, substreamOf } from './assignment.ts';
import type { FirstKey } from './common-key.ts';
import type { GapClaims } from './gap-claims.ts';
import type { Assignment, Journal } from './journal.ts';
import type { Recording, RecordingEnd } from './recording.ts';

/** A running recording and what belongs to it. */
export interface Entry {
  assignment: Assignment;
  recording: Recording;
  claims: GapClaims;
}

export interface StartOptions {
  lastEndMs: Promise<number | null>;
  announces: boolean;
  /** Another host recorded it before; if footage is missing between the two, this is why, and nobody else may say so. */
  takenOver?: GapReason;
}

/** Which cameras this process records; brings every change of mind of the catalogue to the recording it concerns. */
export interface Registry {
  ensure(cameraId: string, sessionId: string | null): Promise<Recording>;
  /** Goes on with a journalled assignment. @param lastEndMs end of its footage on this host, once it is salvaged */
  resume(assignment: Assignment, lastEndMs: Promise<number | null>): void;
  /** What the catalogue says now. */
  onLease(lease: Lease): void;
  entry(cameraId: string): Entry | undefined;
  entries(): Entry[];
  /** Ends all; no camera is taken any more. */
  stop(): Promise<void>;
  /** No new camera is taken any more. */
  close(): void;
}

/** A recording that a newer one replaces goes on for so long to reach that one's first key, and looks so often. */
const keyWaitMs = 10_000;
const keyLookMs = 300;

export function createRegistry(deps: {
  db: Pool;
  journal: Journal;
  hostId: string;
  slots: number;
  /** Starts the recording of an assignment. */
  start: (assignment: Assignment, options: StartOptions) => Entry;
  /** Whether this host's footage of a camera has come to a newer recording's first key. */
  holdsKey: (cameraId: string, key: FirstKey) => Promise<boolean>;
  log: Logger;
  now: () => number;
}): Registry {
  const { db, journal, log, now, hostId } = deps;
  const entries = new Map<string, Entry>();
  /** Cameras that are being started, attached to or changed: a second `ensure` waits for the first. */
  const starting = new Map<string, Promise<Recording>>();
  const tasks = new Set<Promise<void>>();
  /** Recordings that newer ones replace. */
  const yielding = new WeakSet<Entry>();
  /** Whose epoch was raised while they ran, and is not known to be journalled and to record yet. */
  const raised = new WeakSet<Entry>();
  let isOpen = true;

  function begin(assignment: Assignment, options: StartOptions): Entry {
    const entry = deps.start(assignment, options);
    entries.set(assignment.cameraId, entry);
    track(entry.recording.ended.then((end) => settle(entry, end)));
    return entry;
  }

  function track(task: Promise<void>): void {
    const tracked = task
      .catch((error: unknown) => log.error({ err: error }, 'a change of a recording failed'))
      .finally(() => tasks.delete(tracked));
    tasks.add(tracked);
  }

  /** What the journal says after the end, unless a successor is in it already. */
  async function settle(entry: Entry, end: RecordingEnd): Promise<void> {
    const { cameraId } = entry.assignment;
    if (entries.get(cameraId) === entry) entries.delete(cameraId);
    log.info({ cameraId, epoch: entry.assignment.epoch, end }, 'recording ended');
    if (end !== 'stopped') return journal.end(entry.assignment);
    entry.assignment.stoppedAtMs = now();
    await journal.update(entry.assignment);
  }

  async function startFresh(cameraId: string, sessionId: string | null): Promise<Recording> {
    const camera = await cameraForRecording(db, cameraId);
    if (camera === null) throw new AppError('not-found', 'There is no such camera.');
    const before = await leaseOf(db, cameraId);
    const epoch = await takeEpoch(db, cameraId, { hostId, sessionId });
    const assignment = assignmentOf(camera, epoch);
    await journal.write(assignment);
    if (!isOpen) throw notTaking();
    const takenOver =
      before !== null && before.hostId !== null && before.hostId !== hostId && before.recordingEpoch > 0;
    if (!takenOver) return begin(assignment, { lastEndMs: Promise.resolve(null), announces: true }).recording;
    const isElsewhere = now() - before.lastEndMs < stillRecordingMs;
    const reason = (await isHandingOver(db, before.hostId)) ? 'deploy' : 'host-lost';
    return begin(assignment, { lastEndMs: Promise.resolve(null), announces: !isElsewhere, takenOver: reason })
      .recording;
  }

  /**
   * Another host took an epoch and gave the camera back before its first frame: the lease must name this one again.
   * What runs goes on under the new epoch, which records at once: else the other one, if it comes alive after all, would
   * record beside this one, and each of our files would wait for its first frame. Where one of these writes fails the
   * session fails, and the next one does what is left.
   */
  async function attach(entry: Entry, sessionId: string | null): Promise<Recording> {
    const { assignment, recording } = entry;
    const { cameraId } = assignment;
    const lease = await leaseOf(db, cameraId);
    if (lease === null || lease.recordingEpoch > assignment.epoch) return recording;
    if (lease.epoch > assignment.epoch) {
      assignment.epoch = await takeEpoch(db, cameraId, { hostId, sessionId });
      raised.add(entry);
    }
    // Whoever looked for a recorder meanwhile, or failed as one, may have told that nothing is recorded.
    recording.announce();
    if (!raised.has(entry)) return recording;
    await journal.update(assignment);
    const { state, lastSegmentEndMs } = recording.progress();
    // Otherwise its first frame marks it, with its key.
    if (state === 'recording') {
      const frameMs = lastSegmentEndMs ?? lease.firstFrameMs ?? now();
      await markRecording(db, cameraId, assignment.epoch, { frameMs, keySha256: null });
    }
    raised.delete(entry);
    return recording;
  }

  /** The newer recording begins at a key picture that this one must have too, or what lies between would be lost. */
  async function yieldTo(entry: Entry, lease: Lease): Promise<void> {
    yielding.add(entry);
    const { recording } = entry;
    const { recordingEpoch: epoch, firstKeySha256: sha256, firstFrameMs: atMs } = lease;
    const untilMs = performance.now() + keyWaitMs;
    try {
      if (sha256 === null || atMs === null) return;
      while (recording.progress().state === 'recording' && performance.now() < untilMs) {
        if (await deps.holdsKey(lease.cameraId, { epoch, sha256, atMs })) return;
        await Promise.race([recording.ended, sleep(keyLookMs)]);
      }
    } finally {
      await recording.stop('superseded');
    }
  }

  /** The newer recording cannot begin beside this one, so what lies between is missing: opened first, as it closes it. */
  async function letGo(entry: Entry): Promise<void> {
    yielding.add(entry);
    const { recording, claims } = entry;
    log.info({ cameraId: recording.cameraId }, 'the camera takes one client only and is let go for another host');
    claims.opened('deploy', Promise.resolve(recording.progress().lastSegmentEndMs));
    await recording.stop('superseded');
  }

  function once(cameraId: string, work: () => Promise<Recording>): Promise<Recording> {
    const running = starting.get(cameraId);
    if (running !== undefined) return running;
    const started = work().finally(() => starting.delete(cameraId));
    starting.set(cameraId, started);
    return started;
  }

  async function takeIn(entry: Entry): Promise<Recording> {
    const { assignment, recording, claims } = entry;
    const camera = await cameraForRecording(db, assignment.cameraId);
    if (camera === null || !camera.wanted) return recording;
    const isSameAddress =
      camera.sealedUrl === assignment.sealedUrl && sameSubstream(substreamOf(camera), assignment.substream);
    if (isSameAddress && camera.profile.audio === assignment.audio) {
      assignment.configVersion = camera.configVersion;
      assignment.tier = camera.tier;
      await journal.update(assignment);
      // A pause and a resume within a second: it never stopped, and the catalogue says that it connects.
      recording.announce();
      return recording;
    }
    const epoch = await takeEpoch(db, assignment.cameraId, { hostId, sessionId: null });
    const next = { ...assignmentOf(camera, epoch), archiveClock: assignment.archiveClock };
    if (!isSameAddress) next.stream = null;
    await journal.write(next);
    await recording.stop('reconfigure');
    const { lastSegmentEndMs } = recording.progress();
    claims.opened('operator', Promise.resolve(lastSegmentEndMs));
    if (!isOpen) throw notTaking();
    return begin(next, { lastEndMs: Promise.resolve(lastSegmentEndMs), announces: true }).recording;
  }

  return {
    async ensure(cameraId, sessionId) {
      const running = starting.get(cameraId);
      if (running !== undefined) return running;
      const entry = entries.get(cameraId);
      if (entry !== undefined) return once(cameraId, () => attach(entry, sessionId));
      if (!isOpen) throw notTaking();
      if (new Set([...entries.keys(), ...starting.keys()]).size >= deps.slots) {
        throw new AppError('unavailable', `This recorder holds ${deps.slots} cameras, which is all it may.`);
      }
      return once(cameraId, () => startFresh(cameraId, sessionId));
    },
    resume(assignment, lastEndMs) {
      if (entries.has(assignment.cameraId)) return;
      const resumed = { ...assignment, stoppedAtMs: null };
      // Written at once: after a crash the mark of the last stop would call it planned.
      track(journal.write(resumed));
      begin(resumed, { lastEndMs, announces: true });
    },
    onLease(lease) {
      const entry = entries.get(lease.cameraId);
      if (entry === undefined || starting.has(lease.cameraId)) return;
      if (!lease.wanted) {
        track(entry.recording.stop('unwanted'));
      } else if (lease.recordingEpoch > entry.recording.epoch) {
        if (!yielding.has(entry)) track(yieldTo(entry, lease));
      } else if (lease.oneClient && lease.epoch > entry.recording.epoch && lease.hostId !== hostId) {
        if (!yielding.has(entry)) track(letGo(entry));
      } else if (lease.configVersion !== entry.assignment.configVersion) {
        track(once(lease.cameraId, () => takeIn(entry)).then(() => undefined));
      }
    },
    entry: (cameraId) => entries.get(cameraId),
    entries: () => [...entries.values()],
    close() {
      isOpen = false;
    },
    async stop() {
      isOpen = false;
      await Promise.all([...entries.values()].map((entry) => entry.recording.stop('stopped')));
      await Promise.all(tasks);
    },
  };
}

function notTaking(): AppError {
  return new AppError('unavailable', 'This recorder takes no new cameras: it is draining or stopping.');
}
