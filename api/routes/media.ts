import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { isHeld } from '../../db/holds.ts';
import { termsOf } from '../../db/retention.ts';
import { dueWithin } from '../../domain/due-time.ts';
import { AppError } from '../../errors.ts';
import { parseByteRange, type ByteRange } from '../byte-range.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import type { ObjectName } from '../../storage/keys.ts';
import { mediaKey } from '../media-links.ts';
import { doneAnswer, goneProblem, rawBody } from '../schemas/common.ts';

const url = '/m/:token/:name';
const params = z.object({ token: z.string().max(1000), name: z.string().max(200) });

/**
 * Footage by signed link: `/m/<token>/<object's name>`. The name says what the bytes are, so a player need never ask
 * whether they have changed, but a browser's cache may show them no longer than link and footage last.
 */
export function registerMedia(app: Api, deps: ApiDeps): void {
  const look = (request: { params: z.infer<typeof params>; headers: IncomingHttpHeaders }) =>
    lookAt(deps, request.params, request.headers);

  app.get(
    url,
    {
      config: { public: true },
      // Fastify's own HEAD would read the object to learn its length.
      exposeHeadRoute: false,
      schema: {
        summary: 'One segment as fragmented MP4, whole or by byte range; links come from playlists',
        operationId: 'media',
        tags: ['media'],
        security: [],
        params,
        response: {
          ...goneProblem,
          200: rawBody('The whole object', 'video/mp4'),
          206: rawBody('The range', 'video/mp4'),
          304: doneAnswer,
        },
      },
    },
    async (request, reply) => {
      const { status, headers, key, part } = await look(request);
      void reply.code(status).headers(headers);
      if (status === 304) return reply.send(undefined);
      if (status === 416) throw new AppError('range-not-satisfiable', 'The object ends before this range.');
      // Fastify destroys the stream when the client goes away, and that ends the read from the object storage.
      return reply.send(await deps.objects.read(key, part));
    },
  );

  app.head(url, { config: { public: true }, schema: { params, hide: true } }, async (request, reply) => {
    const { status, headers } = await look(request);
    return reply.code(status).headers(headers).send(undefined);
  });
}

interface MediaAnswer {
  status: 200 | 206 | 304 | 416;
  headers: Record<string, string | number>;
  key: string;
  part: ByteRange;
}

/** @throws AppError link-invalid, link-expired, footage-gone */
async function lookAt(
  deps: ApiDeps,
  link: { token: string; name: string },
  asked: IncomingHttpHeaders,
): Promise<MediaAnswer> {
  const nowMs = deps.now();
  const { key, object, expiresAtMs } = mediaKey(deps.links, link, nowMs);
  const untilMs = await keptUntilMs(deps, object, { nowMs, expiresAtMs });
  if (untilMs === null) throw new AppError('footage-gone', 'This footage was deleted.');
  const etag = `"${object.sha256}"`;
  const headers = {
    etag,
    // A playlist asked for within the time names the same URL, and nothing is fetched twice.
    'cache-control': `private, max-age=${Math.floor((untilMs - nowMs) / 1000)}, immutable`,
    'accept-ranges': 'bytes',
    'content-type': 'video/mp4',
  };
  if (matches(asked['if-none-match'], etag)) return { status: 304, headers, key, part: { offset: 0, length: 0 } };

  const found = await deps.objects.stat(key);
  if (found === null) throw new AppError('footage-gone', 'This footage was deleted.');
  const unchanged = asked['if-range'] === undefined || asked['if-range'] === etag;
  const range = unchanged ? parseByteRange(asked.range, found.bytes) : null;
  if (range === 'unsatisfiable') {
    const part = { offset: 0, length: 0 };
    return { status: 416, headers: { 'content-range': `bytes */${found.bytes}` }, key, part };
  }
  const part = range ?? { offset: 0, length: found.bytes };
  const sized = { ...headers, 'content-length': part.length };
  if (range === null) return { status: 200, headers: sized, key, part };
  const contentRange = `bytes ${part.offset}-${part.offset + part.length - 1}/${found.bytes}`;
  return { status: 206, headers: { ...sized, 'content-range': contentRange }, key, part };
}

/**
 * Until when footage may be shown by a link, as far as is known now; null: it is gone. A link outlives its footage: what
 * is past its age, or of a purged camera, is gone though its object may be there. A hold that ends before the link counts
 * for this answer alone.
 */
async function keptUntilMs(
  { pool }: ApiDeps,
  { cameraId, startMs, durationMs }: ObjectName,
  { nowMs, expiresAtMs }: { nowMs: number; expiresAtMs: number },
): Promise<number | null> {
  const endMs = startMs + durationMs;
  const terms = await termsOf(pool, cameraId);
  if (terms === null) return null;
  const dueMs = dueWithin(terms, endMs, { fromMs: nowMs, toMs: expiresAtMs });
  if (dueMs === expiresAtMs) return expiresAtMs;
  if (await isHeld(pool, cameraId, { startMs, endMs }, expiresAtMs)) return expiresAtMs;
  return dueMs > nowMs || (await isHeld(pool, cameraId, { startMs, endMs }, nowMs)) ? dueMs : null;
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
