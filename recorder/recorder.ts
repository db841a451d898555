import path from 'node:path';
import { setDraining } from '../db/recorders.ts';
import { backoffMs } from '../domain/retry.ts';
import { createPortTokens } from '../security/port-token.ts';
import { createSealer } from '../security/seal.ts';
import { createArchiveLeads } from './archive-leads.ts';
import { createArchiving } from './archiving.ts';
import { backlogOf } from './backlog.ts';
import { createBackgroundWrites } from './background-writes.ts';
import type { CommitOutcome } from './commit.ts';
import { holdsKey } from './common-key.ts';
import { noFailpoint } from './failpoint.ts';
import { createFigures } from './figures.ts';
import { flushWithin } from './flush.ts';
import { createGapClaims, type GapClaims } from './gap-claims.ts';
import { createHoleReasons } from './hole-reasons.ts';
import { createHostClock } from './host-clock.ts';
import { openInternalPort, type InternalPort } from './internal-port.ts';
import { openJournal } from './journal.ts';
import { createKeptClaims } from './kept-claims.ts';
import { openKnownSpool } from './known-spool.ts';
import { createLateSalvage } from './late-salvage.ts';
import { createPurgeOrders } from './purge-orders.ts';
import { createRegistry } from './registry.ts';
import type { Recorder, RecorderDeps } from './recorder-contract.ts';
import { resumableAssignments, resumeAll, salvageSpool } from './resume.ts';
import type { ClosedFile, PutAside } from './run-files.ts';
import { salvageRun } from './salvage.ts';
import { createSignOfLife } from './sign-of-life.ts';
import { createStarter, networksOf } from './starter.ts';
import { createWatcher } from './watcher.ts';
import { createWriteQueue } from './write-queue.ts';

export type { Recorder, RecorderDeps } from './recorder-contract.ts';
export type { Recording } from './recording.ts';

/** At SIGINT: a commit takes 0.1 s; what storage does not take by then stays in the spool for the next start. */
const flushMs = 20_000;
const writesFlushMs = 5000;
/** A start waits no longer than this for what other clocks say; a catalogue that is away says so at once. */
const clockWaitMs = 1000;

/**
 * Opens the spool and makes the recorder; it records nothing before `start`.
 * @throws SpoolMissingError when the spool's disk is missing; Error when it cannot be used
 */
export async function createRecorder(deps: RecorderDeps): Promise<Recorder> {
  const { config, services, db, objects, log } = deps;
  const clock = createHostClock({ hostNow: deps.now, db, objects, log, ...deps.clocks });
  const { now } = clock;
  const failpoint = deps.failpoint ?? noFailpoint;
  const { dir, maxBytes } = config.spool;
  const spool = await openKnownSpool({ dir: path.resolve(dir), maxBytes, dataDir: path.resolve(config.dataDir) }, log);
  const { hostId } = spool;
  const journal = openJournal(spool, log);
  const queue = createWriteQueue({ log });
  const kept = createKeptClaims(spool.dir, log);
  const figures = createFigures();
  const archiveLeads = createArchiveLeads({ db, queue, now });
  const holes = createHoleReasons(
    ({ cameraId, name }) => registry.entry(cameraId)?.claims ?? claimsOf(cameraId, () => name.epoch),
  );

  const archiving = createArchiving({ ...deps, spool, holes, onDone, now, failpoint });
  const { committer, finalOnly, guard, linger, unreadable, quarantine, rounds, limits } = archiving;

  function claimsOf(cameraId: string, epoch: () => number): GapClaims {
    return createGapClaims({ db, queue, kept, cameraId, hostId, epoch, onFailed: (reason) => figures.failed(reason) });
  }

  function onDone(file: ClosedFile, outcome: CommitOutcome): void {
    const { startMs, durationMs } = file.name;
    if (outcome.kind === 'committed') {
      figures.committed(now() - startMs - durationMs);
      archiveLeads.committed(file, registry.entry(file.cameraId)?.assignment);
    }
    holes.settled(file, outcome);
  }

  const putAside: PutAside = async ({ name, ...file }, why) => {
    await quarantine(file.cameraId, file.path, why);
    if (name !== null) holes.settled({ ...file, name }, { kind: 'quarantined', why });
  };

  const shared = { spool, quarantine: putAside, unreadable, limits, onClosed: finalOnly.add, now, log, failpoint };
  const lateSalvage = createLateSalvage({ salvage: (cameraId, run) => salvageRun(shared, cameraId, run), spool, log });

  const registry = createRegistry({
    db,
    journal,
    hostId,
    slots: config.recorder.slots,
    holdsKey: (cameraId, key) => holdsKey(spool, cameraId, key, now()),
    log,
    now,
    start: createStarter({
      ...shared,
      networks: await networksOf(config, services, log),
      sealer: createSealer(services.secretKey),
      db,
      queue,
      journal,
      guard,
      config,
      now,
      backoffMs: deps.backoffMs ?? backoffMs,
      claimsOf,
      holes,
      onLeft: lateSalvage.add,
    }),
  });

  const waiting = () => ({
    backlog: backlogOf([...finalOnly.asking.waiting(), ...committer.waiting()], lateSalvage.waiting()),
    commits: { ...committer.counts() },
    commitError: committer.failing(),
    spool: guard.usage(),
    pendingWrites: queue.size(),
    held: finalOnly.held(),
    unreadable: unreadable.aside(),
    quarantine: rounds.found(),
  });
  const watcher = createWatcher({
    db,
    cameraIds: () => registry.entries().map(({ assignment }) => assignment.cameraId),
    onLease: (lease) => registry.onLease(lease),
    log,
  });
  let port: InternalPort | null = null;
  const signOfLife = createSignOfLife({
    db,
    hostId,
    url: () => config.recorder.url ?? port?.url ?? '',
    slots: config.recorder.slots,
    used: () => registry.entries().length,
    figures: () => ({ ...waiting(), ...figures.read(), clock: clock.wrong() }),
    onReturn() {
      for (const { recording } of registry.entries()) recording.announce();
    },
    onDraining() {
      registry.close();
      deps.onDraining?.();
    },
    log,
  });

  const purgeOrders = createPurgeOrders({
    db,
    spool,
    linger: { discard: (cameraId) => linger.discard(cameraId).finally(() => unreadable.forget(cameraId)) },
    isRecording: (cameraId) => registry.entry(cameraId) !== undefined,
    log,
    now,
  });

  async function start(): Promise<void> {
    const { url } = config.recorder;
    port = await openInternalPort({
      spool,
      tokens: createPortTokens(services.secretKey),
      host: config.host,
      port: url === undefined ? 0 : Number(new URL(url).port || 80),
      log,
      now,
    });
    const [assignments] = await Promise.all([
      resumableAssignments({ db, journal, hostId, log }),
      clock.look(clockWaitMs),
    ]);
    const salvaging = await salvageSpool({ ...shared, onLeft: lateSalvage.add });
    void unreadable.tryAgain().catch((error: unknown) => {
      log.error({ err: error }, 'what is unreadable in the spool cannot be looked at');
    });
    for (const [cameraId, claims] of await kept.left()) {
      for (const claim of claims) claimsOf(cameraId, () => claim.evidence.epoch ?? 0).past(claim);
    }
    resumeAll(assignments, salvaging, { registry, holes, nowMs: now() });
    log.info({ hostId, resumed: assignments.length, salvaged: salvaging.size, port: port.url }, 'recorder started');
    clock.start();
    watcher.start();
    signOfLife.start();
    guard.start();
    finalOnly.start();
    linger.start();
    purgeOrders.start();
    rounds.start();
  }

  async function stop(): Promise<void> {
    const watched = watcher.stop(); // a catalogue that hangs is awaited last
    const stopped = registry.entries();
    await registry.stop();
    for (const { assignment, recording, claims } of stopped) {
      claims.opened('deploy', Promise.resolve(recording.progress().lastSegmentEndMs));
      createBackgroundWrites(db, queue, assignment).state('reconnecting', 'deploy', now());
    }
    if (!(await flushWithin(flushMs, { asking: finalOnly.asking, committer, now }))) {
      log.warn(waiting().backlog, 'uncommitted footage stays in the spool');
    }
    await queue.flush(writesFlushMs);
    queue.stop();
    await kept.stop();
    clock.stop();
    const parts = [lateSalvage, committer, linger, guard, signOfLife, purgeOrders, rounds, finalOnly];
    await Promise.all([...parts.map((part) => part.stop()), port?.close(), watched]);
    await signOfLife.last();
  }

  return {
    hostId,
    start,
    ensure: (cameraId, sessionId) => registry.ensure(cameraId, sessionId),
    get: (cameraId) => registry.entry(cameraId)?.recording,
    list: () => registry.entries().map(({ recording }) => recording),
    stats: () => ({
      recordings: registry.entries().length,
      slots: config.recorder.slots,
      ...waiting(),
    }),
    async drain() {
      registry.close();
      await setDraining(db, hostId, true);
      await finalOnly.release();
    },
    stop,
  };
}
