import { reconnectsSince } from '../../db/events.ts';
import { countCamerasByState, failingCameras } from '../../db/service-status.ts';
import { flapping, flapWindowMs } from '../../domain/flapping.ts';
import { coverageProblems } from '../coverage-problems.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { deletionProblems } from '../deletion-problems.ts';
import { knownRecorders } from '../known-recorders.ts';
import type { PartHealth } from '../part-health.ts';
import { reconcileProblems } from '../reconcile-problems.ts';
import { recorderProblems } from '../recorder-problems.ts';
import { commonProblems, isoTime } from '../schemas/common.ts';
import { isWaiting, recorderAnswer, statusSchema, type StatusAnswer } from '../schemas/service.ts';

/** More cameras would not be read in the minute an operator has; the list of cameras has them all. */
const shownProblems = 200;

const partNames = { database: 'The database', objects: 'The object storage', temporal: 'Temporal' };

/** What an operator wants to know in one minute. */
export function registerStatus(app: Api, deps: ApiDeps & { health: PartHealth }): void {
  app.get(
    '/v1/status',
    {
      schema: {
        summary: 'Cameras by state, and what is wrong now and since when',
        operationId: 'status',
        tags: ['service'],
        response: { ...commonProblems, 200: statusSchema },
      },
    },
    async (): Promise<StatusAnswer> => {
      // It dates the signs of life; this host's own may be wrong.
      const nowMs = await deps.databaseNow(deps.pool);
      const [parts, counts, failing, hosts, returns, archive, deletions, coverage] = await Promise.all([
        deps.health.look(),
        countCamerasByState(deps.pool),
        failingCameras(deps.pool, shownProblems),
        knownRecorders(deps.pool, nowMs),
        reconnectsSince(deps.pool, nowMs - flapWindowMs),
        reconcileProblems(deps.pool, nowMs),
        deletionProblems(deps.pool, nowMs, shownProblems),
        coverageProblems(deps.pool, nowMs),
      ]);
      const shownHosts = hosts.map((host) => recorderAnswer(host, nowMs));
      const ofService: StatusAnswer['problems'] = [
        ...parts
          .filter((part) => !part.ok)
          .map((part) => ({
            kind: 'part' as const,
            id: part.name,
            name: partNames[part.name],
            what: 'does not answer',
            since: isoTime(part.sinceMs),
          })),
        ...hosts
          .filter((host) => !isWaiting(host, nowMs)) // it says itself what is wrong
          .filter((host) => host.cameras > 0 && !recorderAnswer(host, nowMs).alive)
          .map(({ hostId, cameras, seenMs }) => ({
            kind: 'recorder' as const,
            id: hostId,
            name: hostId,
            what: `is not seen any more; it held ${cameras === 1 ? '1 camera' : `${cameras} cameras`}`,
            since: isoTime(seenMs),
          })),
        ...recorderProblems(hosts, nowMs),
        ...archive,
        ...deletions,
        ...coverage,
      ];
      const ofCameras: StatusAnswer['problems'] = [
        ...returns.flatMap(({ cameraId, name, backMs }) => {
          const flaps = flapping(backMs, nowMs);
          if (flaps === null || failing.some((camera) => camera.cameraId === cameraId)) return [];
          const what = `flapping: footage came back ${flaps.returns} times in half an hour`;
          return [{ kind: 'camera' as const, id: cameraId, name, what, since: isoTime(flaps.sinceMs) }];
        }),
        ...failing.map((camera) => ({
          kind: 'camera' as const,
          id: camera.cameraId,
          name: camera.name,
          what: camera.reason === null ? camera.state : `${camera.state}: ${camera.reason}`,
          detail: camera.lastError,
          since: isoTime(camera.sinceMs),
        })),
      ];
      return {
        asOf: isoTime(nowMs),
        cameras: {
          total: counts.reduce((sum, { count }) => sum + count, 0),
          byState: Object.fromEntries(counts.map(({ state, count }) => [state, count])),
        },
        parts: parts.map(({ name, ok, sinceMs }) => ({ name, ok, since: isoTime(sinceMs) })),
        // Weeks of dead cameras must not hide what stands still for all of them since a minute.
        problems: [...oldestFirst(ofService), ...oldestFirst(ofCameras).slice(0, shownProblems)],
        recorders: shownHosts,
      };
    },
  );
}

function oldestFirst(problems: StatusAnswer['problems']): StatusAnswer['problems'] {
  return problems.toSorted((a, b) => a.since.localeCompare(b.since));
}
