import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditHash } from '../../db/audit.ts';
import { brokenLink, chainStart, type ChainedEntry } from '../../domain/audit-chain.ts';
import { canonicalJson } from '../../domain/canonical-json.ts';

const start = { id: 0, hash: chainStart };

function chainOf(actions: readonly string[]): ChainedEntry[] {
  const entries: ChainedEntry[] = [];
  for (const [place, action] of actions.entries()) {
    const body = canonicalJson({ id: place + 1, action });
    entries.push({ id: place + 1, body, hash: auditHash(entries.at(-1)?.hash ?? chainStart, body) });
  }
  return entries;
}

const actions = fc.array(fc.string(), { minLength: 2, maxLength: 20 });

test('a log as it was written holds, in pages of any size', () => {
  fc.assert(
    fc.property(actions, fc.nat(), (texts, cut) => {
      const entries = chainOf(texts);
      const at = cut % entries.length;
      expect(brokenLink(entries, start, auditHash)).toBeNull();
      const rest = entries.slice(at);
      expect(brokenLink(rest, entries[at - 1] ?? start, auditHash)).toBeNull();
    }),
  );
});

test('an entry that was changed, taken out, moved or written anew is found', () => {
  fc.assert(
    fc.property(actions, fc.nat(), fc.string(), (texts, chosen, other) => {
      const entries = chainOf(texts);
      const at = chosen % entries.length;
      const victim = entries[at];
      if (victim === undefined) throw new Error('no entry');
      const changed = canonicalJson({ id: victim.id, action: `${other} changed ${victim.body}` });
      const changedBody = entries.with(at, { ...victim, body: changed });
      expect(brokenLink(changedBody, start, auditHash)).toContain(`${victim.id}`);
      const writtenAnew = entries.with(at, {
        ...victim,
        body: changed,
        hash: auditHash(entries[at - 1]?.hash ?? chainStart, changed),
      });
      // The last one written anew fits the log; only a certificate that names it can tell.
      expect(brokenLink(writtenAnew, start, auditHash) === null).toBe(at === entries.length - 1);
      if (at < entries.length - 1) expect(brokenLink(entries.toSpliced(at, 1), start, auditHash)).not.toBeNull();
    }),
  );
});

test('numbers that are given out anew do not hide a missing entry', () => {
  const entries = chainOf(['a', 'b', 'c']);
  const closedUp = entries.toSpliced(1, 1).map((entry, place) => ({ ...entry, id: place + 1 }));
  expect(brokenLink(closedUp, start, auditHash)).toContain('entry 2');
});
