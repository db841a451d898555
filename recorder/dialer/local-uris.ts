/** Which URI of ours stands for which of the camera's. ffmpeg sees ours only, whose paths say nothing of the camera. */
export interface LocalUris {
  local: { control: string; stream: (index: number) => string };
  /** After DESCRIBE: the camera's control URIs, absolute. */
  learn(control: string, streams: readonly string[]): void;
  /** The camera's URI behind one of ours, and which stream it is (null = the session); null for a foreign URI. */
  toCamera(uri: string): { uri: string; stream: number | null } | null;
  /** The camera's URI for the whole session. */
  cameraControl(): string;
  /** RTP-Info with our URIs; entries whose stream is unknown are left out, as ffmpeg would ignore them. */
  rewriteRtpInfo(value: string): string;
}

/**
 * @param localUrl what ffmpeg opens
 * @param requestUri what the camera is asked for, without login
 */
export function createLocalUris(localUrl: string, requestUri: string): LocalUris {
  const local = { control: `${localUrl}/session`, stream: (index: number) => `${localUrl}/stream/${index}` };
  let control = requestUri;
  let streams: readonly string[] = [];

  function streamOf(uri: string): number {
    const exact = streams.indexOf(uri);
    return exact === -1 ? streams.findIndex((stream) => stream.endsWith(`/${uri.replace(/^\//, '')}`)) : exact;
  }

  return {
    local,
    learn: (newControl, newStreams) => {
      control = newControl;
      streams = newStreams;
    },
    toCamera: (uri) => {
      const known = uri.replace(/\/$/, '');
      if (known === localUrl) return { uri: requestUri, stream: null };
      if (known === local.control) return { uri: control, stream: null };
      const stream = streams.findIndex((_, index) => known === local.stream(index));
      const target = streams[stream];
      return target === undefined ? null : { uri: target, stream };
    },
    cameraControl: () => control,
    rewriteRtpInfo: (value) => {
      const entries = value.split(/,(?=\s*url=)/i).flatMap((entry) => {
        const url = /url="?([^;",\s]+)"?/i.exec(entry);
        const stream = url?.[1] === undefined ? -1 : streamOf(url[1]);
        return stream === -1 || url === null ? [] : [entry.trim().replace(url[0], `url=${local.stream(stream)}`)];
      });
      return entries.join(',');
    },
  };
}
