/** An RTSP request. Header names are in lower case. */
export interface RtspRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
}

/** Reads requests from a connection and skips the client's RTCP in `$` frames and its answers. */
export interface RequestReader {
  /** @throws Error when the bytes are not RTSP */
  read(bytes: Buffer): RtspRequest[];
}

const maxPendingBytes = 65_536;

export function createRequestReader(): RequestReader {
  let pending: Buffer = Buffer.alloc(0);

  /** Bytes the first message takes, and the message itself where it is a request; null = not all there yet. */
  function first(): { bytes: number; request: RtspRequest | null } | null {
    if (pending[0] === 0x24) {
      const bytes = pending.length < 4 ? Infinity : 4 + pending.readUInt16BE(2);
      return bytes <= pending.length ? { bytes, request: null } : null;
    }
    const end = pending.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const text = pending.toString('utf8', 0, end);
    // ffmpeg answers what it takes for a request of ours, such as nonsense between packets
    if (text.startsWith('RTSP/')) return { bytes: end + 4, request: null };
    const request = parse(text);
    const bytes = end + 4 + Number(request.headers['content-length'] ?? 0);
    return bytes <= pending.length ? { bytes, request } : null;
  }

  return {
    read(bytes) {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      const requests: RtspRequest[] = [];
      for (let message = first(); pending.length > 0 && message !== null; message = first()) {
        pending = pending.subarray(message.bytes);
        if (message.request !== null) requests.push(message.request);
      }
      if (pending.length > maxPendingBytes) throw new Error('a request without end');
      return requests;
    },
  };
}

function parse(text: string): RtspRequest {
  const [requestLine = '', ...headerLines] = text.trimStart().split('\r\n');
  const match = /^([A-Z_]+) (\S+) RTSP\/1\.0$/.exec(requestLine);
  if (match === null) throw new Error(`not an RTSP request: ${requestLine}`);
  const headers = Object.fromEntries(
    headerLines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { method: match[1] ?? '', url: match[2] ?? '', headers };
}

const reasons: Record<number, string> = {
  200: 'OK',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

/** An RTSP response as it goes over the wire. */
export function response(
  status: number,
  cseq: string | undefined,
  headers: Record<string, string> = {},
  body = '',
): string {
  const all = {
    ...(cseq === undefined ? {} : { CSeq: cseq }),
    Server: 'framekeep-simulated-camera',
    ...headers,
    ...(body === '' ? {} : { 'Content-Length': `${Buffer.byteLength(body)}` }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`RTSP/1.0 ${status} ${reasons[status] ?? 'Error'}`, ...lines, '', body].join('\r\n');
}

/** The path (with its query) of a request's URL, without a track at its end and without a trailing slash. */
export function streamPath(url: string): string {
  const path = url.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/\/?trackID=\d+$/, '');
  return path.length > 1 ? path.replace(/\/$/, '') : '/';
}

/** The track a SETUP names; 0 where it names none. */
export function trackOf(url: string): number {
  return Number(/trackID=(\d+)$/.exec(url)?.[1] ?? 0);
}
