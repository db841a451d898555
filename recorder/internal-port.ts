import { isMissingFile } from './error-code.ts';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { PortTokens } from '../security/port-token.ts';
import type { Spool } from '../storage/spool.ts';
import { readRunRecord } from './run-record.ts';
import { parseSegmentFileName } from './segment-name.ts';

/** A file of footage that is not catalogued yet. */
export interface UncommittedFile {
  /** Part of its path on this port: `closed/<name>` or `open/<run>/<name>`. */
  path: string;
  /** Null for an open file before its camera's first packet. */
  startMs: number | null;
  /** Null while it is open. */
  durationMs: number | null;
  bytes: number;
}

/**
 * The recorder's port for our own processes: footage that only this host has.
 * `GET /healthz`; with a bearer token `GET /cameras/<id>/files` and `GET /cameras/<id>/files/<path>` (one byte range).
 */
export interface InternalPort {
  /** `http://host:port`. */
  url: string;
  close(): Promise<void>;
}

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const route = new RegExp(
  `^/cameras/(${uuid})/files(?:/(closed/[A-Za-z0-9._-]+|open/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+))?$`,
);

export async function openInternalPort(deps: {
  spool: Spool;
  tokens: PortTokens;
  host: string;
  port: number;
  log: Logger;
  now: () => number;
}): Promise<InternalPort> {
  const { spool } = deps;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET') return end(response, 405);
    if (request.url === '/healthz') return end(response, 200);
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || !deps.tokens.verify(token, spool.hostId, deps.now())) return end(response, 401);
    const [, cameraId, filePath] = route.exec(request.url ?? '') ?? [];
    if (cameraId === undefined) return end(response, 404);
    if (filePath === undefined) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(await uncommittedFiles(spool, cameraId)));
      return;
    }
    const [level = '', ...rest] = filePath.split('/');
    await sendFile(`${spool.dir}/${level}/${cameraId}/${rest.join('/')}`, request.headers.range, response);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      deps.log.warn({ cause: errorText(error) }, 'internal port');
      if (response.headersSent) response.destroy();
      else end(response, isMissingFile(error) ? 404 : 500);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: deps.host, port: deps.port }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the internal port has no address');
  return {
    url: `http://${deps.host.includes(':') ? `[${deps.host}]` : deps.host}:${address.port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What of a camera lies in `closed/` and `open/`, by time. */
export async function uncommittedFiles(spool: Spool, cameraId: string): Promise<UncommittedFile[]> {
  const closed = (await spool.closedFiles(cameraId)).flatMap((file): UncommittedFile[] => {
    const parsed = parseSegmentFileName(file.name);
    if (parsed === null) return [];
    const { startMs, durationMs } = parsed.name;
    return [{ path: `closed/${file.name}`, startMs, durationMs, bytes: file.bytes }];
  });
  const open: UncommittedFile[] = [];
  for (const file of await spool.openFiles()) {
    if (file.cameraId !== cameraId || !file.name.endsWith('.mp4')) continue;
    const record = await readRunRecord(`${spool.dir}/open/${cameraId}/${file.run}`);
    const startMs = record?.clock?.lastEndMs ?? record?.clock?.offsetMs ?? null;
    open.push({ path: `open/${file.run}/${file.name}`, startMs, durationMs: null, bytes: file.bytes });
  }
  return [...closed, ...open].toSorted((a, b) => (a.startMs ?? Infinity) - (b.startMs ?? Infinity));
}

/** As much of the file as is there now: an open one grows. */
async function sendFile(filePath: string, range: string | undefined, response: ServerResponse): Promise<void> {
  const { size } = await stat(filePath);
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const start = from === undefined ? 0 : Number(from);
  const last = to === undefined || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  response.setHeader('content-type', 'video/mp4');
  response.setHeader('accept-ranges', 'bytes');
  if (start > last) {
    response.setHeader('content-range', `bytes */${size}`);
    return end(response, 416);
  }
  if (from !== undefined) {
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${start}-${last}/${size}`);
  }
  response.setHeader('content-length', last - start + 1);
  await pipeline(createReadStream(filePath, { start, end: last }), response);
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.end();
}
