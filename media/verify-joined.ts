import { createReadStream } from 'node:fs';
import { joinedChunks, type Sources } from './join.ts';
import { readIndex } from './mp4-index.ts';
import { framesOf } from './verify-final.ts';

/**
 * What speaks against putting a joined file in the place of its sources; empty = nothing. Its fragments are those of
 * the sources, sample for sample by their own tables, and what it holds of them is the same byte for byte: read from
 * the disk again, so that what was written there is looked at and not what was meant.
 * @param onChunk a sign of life, as bytes are compared
 * @throws Mp4Error where the file is no footage at all; errors of the file system as they are
 */
export async function verifyJoined(path: string, sources: Sources, onChunk?: () => void): Promise<string[]> {
  const index = await readIndex(path);
  const problems: string[] = [];
  if (index.damage !== null) problems.push(`it is damaged: ${index.damage}`);
  if (index.initSha256 !== sources.first.initSha256) problems.push('its stream is described differently (init)');
  const { fragments } = index;
  const frames = framesOf(index);
  if (frames !== sources.frames) problems.push(`it has ${frames} frames, its sources ${sources.frames}`);
  // The index of the joined file counts a fragment up to the next one, so that these are equal field by field.
  const wrong = sources.fragments.findIndex((fragment, i) => {
    const own = fragments[i];
    return own === undefined || compared.some((field) => own[field] !== fragment[field]);
  });
  if (wrong >= 0) problems.push(`its fragment ${wrong + 1} of ${sources.fragments.length} is not that of its source`);
  else if (fragments.length > sources.fragments.length) problems.push('it has more fragments than its sources');
  const differs = await firstDifference(path, sources, onChunk);
  if (differs !== null) problems.push(`its bytes are not those of its sources from ${differs} on`);
  return problems;
}

const compared = ['offset', 'bytes', 'tfdt', 'durationTicks', 'samples', 'key', 'keyBytes', 'sampleBytes'] as const;

/** @returns the place of the first chunk that differs, or null */
async function firstDifference(path: string, sources: Sources, onChunk?: () => void): Promise<number | null> {
  const file = createReadStream(path, { end: sources.bytes - 1 });
  const chunks = file[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let held: Buffer = Buffer.alloc(0);
  let at = 0;
  try {
    for await (const wanted of joinedChunks(sources)) {
      while (held.length < wanted.length) {
        const next = await chunks.next();
        if (next.done === true) return at + held.length; // it ends too early
        held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
      }
      if (!held.subarray(0, wanted.length).equals(wanted)) return at;
      held = held.subarray(wanted.length);
      at += wanted.length;
      onChunk?.();
    }
    return null;
  } finally {
    file.destroy();
  }
}
