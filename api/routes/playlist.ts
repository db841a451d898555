import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { playlistRows } from '../../db/footage.ts';
import { pendingBetween } from '../../db/held-windows.ts';
import { AppError } from '../../errors.ts';
import { vodPlaylist } from '../../media/playlist.ts';
import { cameraRange, playlistRangeMs } from '../camera-range.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { createMediaLinks } from '../media-links.ts';
import { commonProblems, idParams, isoTime, rawBody } from '../schemas/common.ts';
import { rangeQuery } from '../schemas/footage.ts';

const gzipped = promisify(gzip);
const playlistType = 'application/vnd.apple.mpegurl';

/** A range of footage as HLS. */
export function registerPlaylist(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/cameras/:id/playlist.m3u8',
    {
      schema: {
        summary: 'Footage of at most 24 h as an HLS playlist (VOD, fragmented MP4, byte ranges)',
        description:
          'Its links are good for one to two hours. Where the tracks change (codec, sound) the playlist ends, and the ' +
          'header `x-continues-at` says from where to ask for the next. A range without footage is a problem with ' +
          'code `no-footage`, since players take an empty playlist for a fault; `footage-pending` where it is recorded ' +
          'and waits on its recorder for its final. The header `x-pending-from` says from where on some of it does.',
        operationId: 'playlist',
        tags: ['footage'],
        params: idParams,
        querystring: rangeQuery,
        response: {
          ...commonProblems,
          200: rawBody('The playlist', playlistType),
        },
      },
    },
    async (request, reply) => {
      const nowMs = deps.now();
      const limits = { maxMs: playlistRangeMs, nowMs };
      const { camera, fromMs, toMs, kept } = await cameraRange(deps.pool, request.params.id, request.query, limits);
      const segments = fromMs < toMs ? await playlistRows(deps.pool, camera.id, fromMs, toMs, { kept }) : [];
      const pending = fromMs < toMs ? await pendingBetween(deps.pool, camera.id, fromMs, toMs) : [];
      if (segments.length === 0) {
        const isPending = pending.length > 0;
        const message = isPending
          ? 'This footage is recorded; it plays once its recorder has encoded it.'
          : 'There is no footage in this range.';
        throw new AppError(isPending ? 'footage-pending' : 'no-footage', message);
      }
      if (pending[0] !== undefined) void reply.header('x-pending-from', isoTime(pending[0].startMs));

      const linkOf = createMediaLinks(deps.links, {
        tenantId: camera.tenantId,
        cameraId: camera.id,
        fromMs,
        toMs,
        nowMs,
      });
      const { text, continuesAtMs } = vodPlaylist({ segments, fromMs, toMs, uriOf: linkOf });
      if (continuesAtMs !== null) void reply.header('x-continues-at', isoTime(continuesAtMs));
      void reply.headers({ 'content-type': playlistType, vary: 'accept-encoding' });
      if (!acceptsGzip(request.headers['accept-encoding'])) return reply.send(text);
      // A day is 4.8 MB, and 113 kB zipped.
      return reply.header('content-encoding', 'gzip').send(await gzipped(text));
    },
  );
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text.split(',').some((part) => {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    return (name === 'gzip' || name === '*') && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
