import { z } from 'zod';

const profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
});

/** Which part a call belongs to, by the file it is in; the innermost call that has one decides. */
const partOf: [RegExp, string][] = [
  [/\/recorder\/dialer\//, 'dialer'],
  [/internal\/crypto\/hash/, 'hashing'],
  [/\/storage\/|node_modules\/minio\//, 'upload'],
];

/**
 * The shares of CPU time of a V8 CPU profile, idle time left out: dialer, hashing, upload and all the rest of Node.
 * A native call counts for the file that made it.
 */
export function partsOfProfile(raw: unknown): Map<string, number> {
  const { nodes, samples } = profile.parse(raw);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const part = new Map<number, string>();
  const idle = new Set<number>();

  const label = (id: number, inherited: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const { url, functionName } = node.callFrame;
    if (functionName === '(idle)') idle.add(id);
    const own = partOf.find(([pattern]) => pattern.test(url))?.[1] ?? inherited;
    part.set(id, own);
    for (const child of node.children ?? []) label(child, own);
  };
  const root = nodes[0];
  if (root !== undefined) label(root.id, 'other');

  const counts = new Map([...new Set(partOf.map(([, name]) => name)), 'other'].map((name) => [name, 0]));
  const busy = samples.filter((id) => !idle.has(id));
  for (const id of busy) {
    const name = part.get(id) ?? 'other';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return new Map([...counts].map(([name, count]) => [name, count / Math.max(1, busy.length)]));
}
