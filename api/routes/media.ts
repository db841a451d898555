import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { parseByteRange } from '../byte-range.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { mediaKey } from '../media-links.ts';
import { doneAnswer, goneProblem, rawBody } from '../schemas/common.ts';

/** Footage by signed link: `/m/<token>/<object's name>`. The name says what the bytes are, for ever. */
export function registerMedia(app: Api, deps: ApiDeps): void {
  app.get(
    '/m/:token/:name',
    {
      config: { public: true },
      schema: {
        summary: 'One segment as fragmented MP4, whole or by byte range; links come from playlists',
        operationId: 'media',
        tags: ['media'],
        security: [],
        params: z.object({ token: z.string().max(1000), name: z.string().max(200) }),
        response: {
          ...goneProblem,
          200: rawBody('The whole object', 'video/mp4'),
          206: rawBody('The range', 'video/mp4'),
          304: doneAnswer,
        },
      },
    },
    async (request, reply) => {
      const { key, sha256Prefix } = mediaKey(deps.links, request.params, deps.now());
      const etag = `"${sha256Prefix}"`;
      const { headers } = request;
      void reply.headers({
        etag,
        'cache-control': 'private, max-age=31536000, immutable',
        'accept-ranges': 'bytes',
        'content-type': 'video/mp4',
      });
      if (matches(headers['if-none-match'], etag)) return reply.code(304).send();

      const found = await deps.objects.stat(key);
      if (found === null) throw new AppError('footage-gone', 'This footage was deleted.');
      const unchanged = headers['if-range'] === undefined || headers['if-range'] === etag;
      const range = unchanged ? parseByteRange(headers.range, found.bytes) : null;
      if (range === 'unsatisfiable') {
        void reply.header('content-range', `bytes */${found.bytes}`);
        throw new AppError('range-not-satisfiable', `The object has ${found.bytes} bytes.`);
      }
      const { offset, length } = range ?? { offset: 0, length: found.bytes };
      void reply.code(range === null ? 200 : 206).header('content-length', length);
      if (range !== null) {
        void reply.header('content-range', `bytes ${offset}-${offset + length - 1}/${found.bytes}`);
      }
      if (request.method === 'HEAD') return reply.send(undefined);
      // Fastify destroys the stream when the client goes away, and that ends the read from the object storage.
      return reply.send(await deps.objects.read(key, { offset, length }));
    },
  );
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
