import { runTool } from './ffmpeg.ts';

/** Key pictures decode at some hundred a second; a window has 150. */
const longestMs = 120_000;

/**
 * Decodes every key picture of a file, the first one with them: all others stand or fall with these, and they are a
 * fortieth of the pictures.
 * @param keys how many there are by the file's own index
 * @returns what is wrong, or null
 */
export async function decodeKeys(
  ffmpeg: string,
  path: string,
  keys: number,
  signal?: AbortSignal,
): Promise<string | null> {
  const result = await runTool({
    binary: ffmpeg,
    args: [
      ['-nostdin', '-v', 'error', '-xerror', '-err_detect', 'explode', '-threads', '1', '-skip_frame', 'nokey'],
      ['-protocol_whitelist', 'file', '-i', path, '-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'framecrc', '-'],
    ].flat(),
    timeoutMs: longestMs,
    ...(signal === undefined ? {} : { signal }),
  });
  const pictures = result.stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#')).length;
  if (result.code !== 0 || result.cause !== 'exit')
    return `it does not decode: ${result.stderr.at(-1) ?? result.cause}`;
  return pictures < keys ? `${pictures} of its ${keys} key pictures decode` : null;
}
