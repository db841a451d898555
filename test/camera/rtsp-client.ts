import { once } from 'node:events';
import { connect } from 'node:net';

/** An interleaved packet. */
export interface Interleaved {
  channel: number;
  bytes: Buffer;
}

export interface RtspResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface RtspClient {
  request(method: string, url: string, headers?: Record<string, string>): Promise<RtspResponse>;
  /** Everything received on the interleaved channels so far. */
  packets(): Interleaved[];
  /** Waits until this many packets have come. */
  received(count: number): Promise<void>;
  /** Settles when the camera has closed the connection. */
  closed: Promise<void>;
  /** Stops reading, as a client that hangs. */
  pause(): void;
  end(): void;
}

/** The plainest RTSP client: to see on the wire what ffmpeg does not show. */
export async function connectRtsp(port: number): Promise<RtspClient> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const packets: Interleaved[] = [];
  const waiting: ((response: RtspResponse) => void)[] = [];
  let pending: Buffer = Buffer.alloc(0);
  let cseq = 0;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => socket.destroy()); // an RST shows as `closed`

  function takeOne(): boolean {
    if (pending[0] === 0x24) {
      if (pending.length < 4 || pending.length < 4 + pending.readUInt16BE(2)) return false;
      const end = 4 + pending.readUInt16BE(2);
      packets.push({ channel: pending[1] ?? -1, bytes: pending.subarray(4, end) });
      pending = pending.subarray(end);
      return true;
    }
    const head = pending.indexOf('\r\n\r\n');
    if (head < 0) return false;
    const [first = '', ...lines] = pending.toString('utf8', 0, head).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.split(': ', 1)[0]?.toLowerCase() ?? '', line.replace(/^[^:]+: /, '')]),
    );
    const end = head + 4 + Number(headers['content-length'] ?? 0);
    if (pending.length < end) return false;
    const body = pending.toString('utf8', head + 4, end);
    pending = pending.subarray(end);
    waiting.shift()?.({ status: Number(first.split(' ')[1]), headers, body });
    return true;
  }

  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length > 0 && takeOne());
    socket.emit('taken');
  });

  return {
    async request(method, url, headers = {}) {
      cseq += 1;
      const lines = [`${method} ${url} RTSP/1.0`, `CSeq: ${cseq}`];
      for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
      const answered = new Promise<RtspResponse>((resolve) => waiting.push(resolve));
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      return answered;
    },
    packets: () => packets,
    async received(count) {
      while (packets.length < count) await once(socket, 'taken');
    },
    closed,
    pause: () => void socket.pause(),
    end: () => socket.destroy(),
  };
}
