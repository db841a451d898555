/** Headers in their order; names keep their case, values have no line breaks. */
export type Headers = (readonly [name: string, value: string])[];

export interface RtspRequest {
  kind: 'request';
  method: string;
  uri: string;
  headers: Headers;
  body: Buffer;
}

export interface RtspResponse {
  kind: 'response';
  status: number;
  statusText: string;
  headers: Headers;
  body: Buffer;
}

export type RtspMessage = RtspRequest | RtspResponse;

/** The first line of a response or a request (RFC 2326; a camera may send requests too). */
export function isStartLine(line: string): boolean {
  return /^RTSP\/\d\.\d +\d{3}(?: |$)/.test(line) || /^[A-Z_]{1,24} +\S+ +RTSP\/\d\.\d *$/.test(line);
}

/**
 * Reads a head (start line and headers, latin1, lines ended by CRLF or LF).
 * @returns the message with an empty body, or null when the start line is not RTSP
 */
export function parseHead(head: string): RtspMessage | null {
  const [start = '', ...lines] = head.split(/\r?\n/);
  if (!isStartLine(start)) return null;
  const headers: [string, string][] = [];
  for (const line of lines) {
    const last = headers.at(-1);
    const colon = line.indexOf(':');
    if (/^[ \t]/.test(line) && last !== undefined) last[1] += ` ${line.trim()}`;
    else if (colon > 0) headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  const parts = start.trim().split(/ +/);
  const body = Buffer.alloc(0);
  if (start.startsWith('RTSP/')) {
    return { kind: 'response', status: Number(parts[1]), statusText: parts.slice(2).join(' '), headers, body };
  }
  return { kind: 'request', method: parts[0] ?? '', uri: parts[1] ?? '', headers, body };
}

/** The value of the first header of this name, whatever its case. */
export function header(headers: Headers, name: string): string | null {
  return headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? null;
}

/** The message as bytes; Content-Length is set from the body. */
export function serialize(message: RtspMessage): Buffer {
  const start =
    message.kind === 'response'
      ? `RTSP/1.0 ${message.status} ${message.statusText}`
      : `${message.method} ${message.uri} RTSP/1.0`;
  const headers = message.headers.filter(([name]) => name.toLowerCase() !== 'content-length');
  if (message.body.length > 0) headers.push(['Content-Length', String(message.body.length)]);
  const head = [start, ...headers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), message.body]);
}
