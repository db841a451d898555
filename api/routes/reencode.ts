import { recordDeed } from '../../db/audit.ts';
import { profileById, type Profile } from '../../db/profiles.ts';
import {
  changeReencode,
  finishRate,
  listReencodes,
  previewReencode,
  reencodeById,
  startReencode,
  type Reencode,
} from '../../db/reencode-jobs.ts';
import { transaction, type Db } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { commonProblems, conflictProblem, idParams } from '../schemas/common.ts';
import {
  reencodeAnswer,
  reencodeBody,
  reencodeList,
  reencodePreviewSchema,
  reencodeSchema,
} from '../schemas/finish.ts';

const shownJobs = 100;
const hourMs = 3_600_000;

/** Finished footage that is encoded again with another profile, in bulk. */
export function registerReencode(app: Api, deps: ApiDeps): void {
  app.post(
    '/v1/reencode/preview',
    {
      schema: {
        summary: 'What encoding finished footage again would do',
        operationId: 'previewReencode',
        tags: ['reencode'],
        body: reencodeBody,
        response: { ...commonProblems, 200: reencodePreviewSchema },
      },
    },
    async (request) => {
      const range = rangeOf(request.body);
      const profile = await profileOf(deps.pool, range.profileId);
      const [preview, rate] = await Promise.all([
        previewReencode(deps.pool, range, deps.now()),
        finishRate(deps.pool, deps.now() - hourMs),
      ]);
      const kbps = profile.bitrateKbps;
      return {
        segments: preview.segments,
        hours: hours(preview.durationMs),
        bytes: preview.bytes,
        bytesSaved: kbps === null ? null : Math.max(0, Math.round(preview.bytes - (preview.durationMs * kbps) / 8)),
        secondsAtPresentRate:
          rate.windowMs === 0 ? null : Math.ceil((preview.durationMs * hourMs) / rate.windowMs / 1000),
        held: { segments: preview.held.segments, hours: hours(preview.held.durationMs) },
      };
    },
  );

  app.post(
    '/v1/reencode',
    {
      schema: {
        summary: 'Encode finished footage again; it stays as it is until each part is replaced',
        operationId: 'startReencode',
        tags: ['reencode'],
        body: reencodeBody,
        response: { ...commonProblems, 201: reencodeSchema },
      },
    },
    async (request, reply) => {
      const range = rangeOf(request.body);
      await profileOf(deps.pool, range.profileId);
      const job = await transaction(deps.pool, async (tx) => {
        const id = await startReencode(tx, range, deps.now());
        await recordDeed(tx, { ...doneBy(request, deps), action: 'reencode.start', after: { id, ...range } });
        return jobOf(tx, id);
      });
      return reply.code(201).send(reencodeAnswer(job));
    },
  );

  app.get(
    '/v1/reencode',
    {
      schema: {
        summary: 'The newest bulk jobs and how far they are',
        operationId: 'listReencodes',
        tags: ['reencode'],
        response: { ...commonProblems, 200: reencodeList },
      },
    },
    async () => ({ items: (await listReencodes(deps.pool, shownJobs)).map(reencodeAnswer) }),
  );

  app.get(
    '/v1/reencode/:id',
    {
      schema: {
        summary: 'A bulk job and how far it is',
        operationId: 'reencode',
        tags: ['reencode'],
        params: idParams,
        response: { ...commonProblems, 200: reencodeSchema },
      },
    },
    async (request) => reencodeAnswer(await jobOf(deps.pool, request.params.id)),
  );

  for (const [verb, to] of [
    ['pause', 'paused'],
    ['resume', 'running'],
    ['cancel', 'cancelled'],
  ] as const) {
    app.post(
      `/v1/reencode/:id/${verb}`,
      {
        schema: {
          summary: `${verb[0]?.toUpperCase()}${verb.slice(1)} a bulk job; what is being encoded just now is finished`,
          operationId: `${verb}Reencode`,
          tags: ['reencode'],
          params: idParams,
          response: { ...commonProblems, ...conflictProblem, 200: reencodeSchema },
        },
      },
      async (request) => {
        const { id } = request.params;
        const job = await transaction(deps.pool, async (tx) => {
          const before = await changeReencode(tx, id, to);
          const values = { before: { id, state: before }, after: { id, state: to } };
          await recordDeed(tx, { ...doneBy(request, deps), action: `reencode.${verb}`, ...values });
          return jobOf(tx, id);
        });
        return reencodeAnswer(job);
      },
    );
  }
}

function hours(ms: number): number {
  return Math.round((ms / hourMs) * 1000) / 1000;
}

function rangeOf(body: { cameraIds: string[]; profileId: string; from: number; to: number }) {
  return { cameraIds: body.cameraIds, profileId: body.profileId, fromMs: body.from, toMs: body.to };
}

async function profileOf(db: Db, id: string): Promise<Profile> {
  const profile = await profileById(db, id);
  if (profile === null) throw new AppError('not-found', 'There is no such profile.');
  return profile;
}

async function jobOf(db: Db, id: string): Promise<Reencode> {
  const job = await reencodeById(db, id);
  if (job === null) throw new AppError('not-found', 'There is no such job.');
  return job;
}
