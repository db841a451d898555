import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({
        functionName: z.string(),
        url: z.string(),
        lineNumber: z.number(),
        columnNumber: z.number(),
      }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  /** Microseconds between samples. */
  timeDeltas: z.array(z.number()),
});
type Profile = z.infer<typeof profile>;
type CallFrame = Profile['nodes'][number]['callFrame'];

/** Which part a call belongs to, by the file it is in; the innermost call that has one decides. */
const partOf: [RegExp, string][] = [
  [/\/recorder\/dialer\//, 'dialer'],
  [/internal\/crypto\/hash/, 'hashing'],
  [/\/storage\/objects|\/storage\/bounded-transport|node_modules\/minio\//, 'upload'],
];

/**
 * The shares of CPU time of a V8 CPU profile's last seconds, idle time left out: dialer, hashing, upload and all the
 * rest of Node. A native call counts for the file that made it.
 */
export function partsOfProfile(raw: unknown, lastMs: number): Map<string, number> {
  const parts = sharesBy(profile.parse(raw), lastMs, (url) => partOf.find(([pattern]) => pattern.test(url))?.[1]);
  for (const [, name] of partOf) parts.set(name, parts.get(name) ?? 0);
  return parts;
}

/** The project's files whose calls used most of that time, for whoever wants to make them cheaper. */
export function filesOfProfile(raw: unknown, lastMs: number): [string, number][] {
  const ownFile = (url: string): string | undefined =>
    url.startsWith('file:') && !url.includes('node_modules')
      ? url.replace(/^.*\/(?=[^/]+\/[^/]+$)/, '')
      : /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return [...sharesBy(profile.parse(raw), lastMs, ownFile)].toSorted((a, b) => b[1] - a[1]);
}

function sharesBy(
  { nodes, samples, timeDeltas }: Profile,
  lastMs: number,
  nameOf: (url: string) => string | undefined,
): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const names = new Map<number, string | null>();
  const sourceOf = createSourceLookup();
  const label = (id: number, inherited: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const own = nameOf(sourceOf(node.callFrame)) ?? inherited;
    names.set(id, node.callFrame.functionName === '(idle)' ? null : own);
    for (const child of node.children ?? []) label(child, own);
  };
  if (nodes[0] !== undefined) label(nodes[0].id, 'other');

  const counts = new Map<string, number>();
  let busy = 0;
  let beforeEndMs = 0;
  for (let place = samples.length - 1; place >= 0 && beforeEndMs < lastMs; place -= 1) {
    const durationMs = (timeDeltas[place] ?? 0) / 1000;
    beforeEndMs += durationMs;
    const name = names.get(samples[place] ?? 0) ?? null;
    if (name === null) continue;
    counts.set(name, (counts.get(name) ?? 0) + durationMs);
    busy += durationMs;
  }
  return new Map([...counts].map(([name, ms]) => [name, ms / Math.max(busy, 1e-9)]));
}

/** The address of the source that a call stands in: the programs that run are built of many. */
function createSourceLookup(): (frame: CallFrame) => string {
  const maps = new Map<string, SourceMap | null>();
  return ({ url, lineNumber, columnNumber }) => {
    if (!url.startsWith('file:') || url.includes('/node_modules/')) return url;
    let map = maps.get(url);
    if (map === undefined) {
      const path = `${fileURLToPath(url)}.map`;
      map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload) : null;
      maps.set(url, map);
    }
    const entry = map?.findEntry(lineNumber, columnNumber);
    return entry !== undefined && 'originalSource' in entry ? new URL(entry.originalSource, url).href : url;
  };
}
